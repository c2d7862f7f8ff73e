import { CsvError, Parser } from "csv-parse";
import { wrongSeparator } from "./columns.ts";
import { type GuardedBytes, utf8Guard } from "./utf8-guard.ts";

/** The longest row that is read, in bytes; one that is longer is nearly always an unclosed quote. */
const LONGEST_ROW = 1_000_000;

/** Bytes parsed at one go, few enough not to keep a server's other calls waiting. */
const PIECE = 16_384;

class RowTooLong extends Error {}

/** A row of the file with at least one filled cell. */
export type CsvRow = {
  /** The physical line, counted from 1, on which the row starts; cells may hold line breaks. */
  line: number;
  cells: readonly string[];
};

/**
 * The rows that became complete with some bytes of the file and, as the last thing of all, what ended the
 * reading early.
 */
export type CsvBatch = { rows: CsvRow[]; fault?: { line: number; reason: string } };

/**
 * Reads comma-separated values by RFC 4180 from bytes in UTF-8, with or without a byte-order mark, with \r\n
 * or \n at the ends of lines. Rows without any content are passed over; a row may have any number of cells.
 *
 * @param chunks the file, cut anywhere; errors of this source pass through
 * @returns the rows in order; a fault of the file ends them, and they do not depend on where the file was cut
 */
export async function* csvRows(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<CsvBatch, void, undefined> {
  const guard = utf8Guard();
  const parser = rowParser();
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += PIECE) {
      const batch = await parser.parse(guard.next(chunk.subarray(at, at + PIECE)));
      yield batch;
      if (batch.fault !== undefined) return;
    }
  }
  const rest = await parser.parse(guard.end());
  yield rest;
  if (rest.fault === undefined) yield await parser.finish();
}

/**
 * Wraps csv-parse so that each call returns the rows that its bytes completed. Its readable side is not used:
 * a stream that fails throws away rows it has read and not yet delivered, and how many those are would depend
 * on timing.
 */
function rowParser() {
  let rows: CsvRow[] = [];
  let line = 1;
  let emptyLines = 0;
  let bytesFed = 0;
  /** The byte at or shortly before which the row in progress starts. */
  let rowStart = 0;
  let fileStart = "";

  const parser = new Parser({
    bom: true,
    record_delimiter: ["\r\n", "\n"],
    relax_column_count: true,
    skip_empty_lines: true,
    // The parser's own limit does not count empty cells, of which a hostile file can have any number.
    max_record_size: 0,
    on_record: (cells: string[], info) => {
      passEmptyLines(info.empty_lines);
      if (info.bytes - rowStart > LONGEST_ROW) throw new RowTooLong();
      if (cells.some((cell) => cell.trim() !== "")) rows.push({ line, cells });
      line += 1 + countLineBreaks(cells);
      rowStart = info.bytes;
      return null;
    },
  });
  // The callbacks of write and end report errors; an "error" event without a listener would end the process.
  parser.on("error", () => {});

  function passEmptyLines(count: number): void {
    if (count === emptyLines) return;
    line += count - emptyLines;
    emptyLines = count;
    rowStart = Math.max(rowStart, bytesFed);
  }

  function settle(step: (done: (error?: Error | null) => void) => void): Promise<CsvBatch> {
    return new Promise((resolve, reject) => {
      step((error) => {
        passEmptyLines(parser.info.empty_lines);
        const batch = { rows };
        rows = [];
        if (!error) return resolve(batch);
        const reason = explain(error, fileStart);
        if (reason === undefined) return reject(error);
        resolve({ ...batch, fault: { line, reason } });
      });
    });
  }

  return {
    async parse({ bytes, brokenLine }: GuardedBytes): Promise<CsvBatch> {
      if (fileStart.length < 200) fileStart = (fileStart + bytes.toString("utf8", 0, 800)).slice(0, 200);
      const batch = await settle((done) => parser.write(bytes, done));
      bytesFed += bytes.length;
      if (batch.fault !== undefined) return batch;
      if (brokenLine !== undefined) return { ...batch, fault: { line: brokenLine, reason: NOT_UTF8 } };
      return bytesFed - rowStart > LONGEST_ROW ? { ...batch, fault: { line, reason: TOO_LONG } } : batch;
    },
    finish: () => settle((done) => parser.end(done)),
  };
}

const NOT_UTF8 = 'This line is not UTF-8 text; save the file as "CSV UTF-8" and try again.';
const TOO_LONG =
  'The row that starts here is longer than a million bytes; probably a closing quote (") is missing.';
const UNBALANCED =
  'The quotes (") in the row that starts here do not balance; put a cell that holds a quote, a comma or a line break in quotes, and double each quote inside it.';

/** Says to a merchant what the parser found; an error that is not about the file has no such words. */
function explain(error: Error, fileStart: string): string | undefined {
  if (error instanceof RowTooLong) return TOO_LONG;
  if (!(error instanceof CsvError)) return undefined;
  const separator = /^\uFEFF?(?:"[^"]*"|[^",;\t|]*)([;\t|])/.exec(fileStart)?.[1];
  return separator === undefined ? UNBALANCED : wrongSeparator(separator);
}

function countLineBreaks(cells: readonly string[]): number {
  let count = 0;
  for (const cell of cells) {
    for (let at = cell.indexOf("\n"); at !== -1; at = cell.indexOf("\n", at + 1)) count += 1;
  }
  return count;
}
