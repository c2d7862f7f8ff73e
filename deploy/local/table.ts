import { styleText } from "node:util";

/** One line of the table of what runs. */
export interface Row {
  name: string;
  /** An address, or why there is none. */
  where: string;
  /** How long it took to come up, in milliseconds. */
  tookMs?: number;
}

/**
 * Writes the table of what runs: names, addresses, times, aligned.
 *
 * @param out where to write it; in colour when that is a terminal that shows colours
 */
export function printTable(rows: readonly Row[], out: NodeJS.WritableStream): void {
  const heads = { name: "what", where: "where", took: "took" };
  const cells = rows.map(({ name, where, tookMs }) => ({ name, where, took: formatDuration(tookMs) }));
  const widthOf = (key: keyof typeof heads) => Math.max(...[heads, ...cells].map((row) => row[key].length));
  const widths = { name: widthOf("name"), where: widthOf("where"), took: widthOf("took") };
  const line = (row: typeof heads) =>
    `  ${row.name.padEnd(widths.name)}  ${row.where.padEnd(widths.where)}  ${row.took.padStart(widths.took)}`;
  const paint = (style: "bold" | "dim", text: string) =>
    styleText(style, text, { stream: out, validateStream: true });
  const lines = [
    paint("dim", line(heads)),
    ...cells.map((row) => {
      const text = line(row);
      const end = 2 + widths.name;
      return paint("bold", text.slice(0, end)) + text.slice(end);
    }),
  ];
  out.write(`${lines.map((text) => text.trimEnd()).join("\n")}\n`);
}

/** Writes a duration as people read it: "85 ms", "1.2 s". */
export function formatDuration(ms: number | undefined): string {
  if (ms === undefined) return "";
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
