import { print } from "../print.ts";

/** Something that was measured. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  /** Beside what it is compared with, or what it aims at. */
  readonly ratio?: number;
  /** What it aims at, for people. */
  readonly goal?: string;
}

/**
 * Prints figures as a table.
 *
 * @param figures the figures
 */
export function printFigures(figures: readonly Figure[]): void {
  printColumns([
    ["", "", "ratio", "goal"],
    ...figures.map(({ what, value, ratio, goal }) => [
      what,
      formatNumber(value),
      ratio === undefined ? "" : ratio.toFixed(2),
      goal ?? "",
    ]),
  ]);
}

/**
 * Prints rows of cells under each other, the first column to the left, the others to the right.
 *
 * @param rows all with the same number of cells
 */
export function printColumns(rows: readonly (readonly string[])[]): void {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  for (const row of rows) {
    const cells = row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column === 0 ? cell.padEnd(width) : cell.padStart(width);
    });
    print(`  ${cells.join("  ")}`.trimEnd());
  }
}

/** Writes a number with as many digits as are worth reading. */
export function formatNumber(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString("en");
  return value.toFixed(value >= 10 ? 1 : 2);
}
