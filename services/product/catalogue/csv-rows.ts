import { CsvError, Parser } from "csv-parse";
import { wrongSeparator } from "./columns.ts";
import { utf8Guard } from "./utf8-guard.ts";

/** The longest row that is read, in characters; one that is longer is nearly always an unclosed quote. */
const LONGEST_ROW = 1_000_000;

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
    const batch = await parser.parse(guard.next(chunk));
    yield batch;
    if (batch.fault !== undefined) return;
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
  let records: string[][] = [];
  let nextLine = 1;
  let start = "";
  const parser = new Parser({
    bom: true,
    record_delimiter: ["\r\n", "\n"],
    relax_column_count: true,
    max_record_size: LONGEST_ROW,
    on_record: (record: string[]) => {
      records.push(record);
      return null;
    },
  });
  // The callbacks of write and end report errors; an "error" event without a listener would end the process.
  parser.on("error", () => {});

  function takeRows(): CsvRow[] {
    const rows: CsvRow[] = [];
    for (const cells of records) {
      if (cells.some((cell) => cell.trim() !== "")) rows.push({ line: nextLine, cells });
      nextLine += 1 + countLineBreaks(cells);
    }
    records = [];
    return rows;
  }

  function settle(step: (done: (error?: Error | null) => void) => void): Promise<CsvBatch> {
    return new Promise((resolve, reject) => {
      step((error) => {
        const rows = takeRows();
        if (!error) resolve({ rows });
        else if (error instanceof CsvError)
          resolve({ rows, fault: { line: nextLine, reason: explain(error, start) } });
        else reject(error);
      });
    });
  }

  return {
    async parse({ bytes, brokenLine }: { bytes: Buffer; brokenLine?: number }): Promise<CsvBatch> {
      if (start.length < 200) start = (start + bytes.toString("utf8", 0, 800)).slice(0, 200);
      const batch = await settle((done) => parser.write(bytes, done));
      if (brokenLine === undefined || batch.fault !== undefined) return batch;
      return { rows: batch.rows, fault: { line: brokenLine, reason: NOT_UTF8 } };
    },
    finish: () => settle((done) => parser.end(done)),
  };
}

const NOT_UTF8 = 'This line is not UTF-8 text; save the file as "CSV UTF-8" and try again.';

function explain(error: CsvError, start: string): string {
  if (error.code === "CSV_MAX_RECORD_SIZE") {
    return `The row that starts here is longer than ${LONGEST_ROW.toLocaleString("en")} characters; probably a closing quote (") is missing.`;
  }
  const separator = /^\uFEFF?(?:"[^"]*"|[^",;\t|]*)([;\t|])/.exec(start)?.[1];
  if (separator !== undefined) return wrongSeparator(separator);
  return 'The quotes (") in the row that starts here do not balance; put a cell that holds a quote, a comma or a line break in quotes, and double each quote inside it.';
}

function countLineBreaks(cells: readonly string[]): number {
  let count = 0;
  for (const cell of cells) {
    for (let at = cell.indexOf("\n"); at !== -1; at = cell.indexOf("\n", at + 1)) count += 1;
  }
  return count;
}
