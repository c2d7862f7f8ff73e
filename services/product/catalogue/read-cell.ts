import type { Column } from "./columns.ts";

/** What is wrong in a row, and in which cell, if it is one cell. */
export type CellFault = { column?: Column; reason: string };

/** What a cell says, or the reason why it says nothing that can be used. */
export type CellReading<Value> = { value: Value } | { reason: string };

/**
 * Checks the text of a cell.
 *
 * @param text the cell's content
 * @param longest the most characters it may have
 * @param layout whether line breaks and tabs belong in it
 */
export function readText(
  text: string,
  longest: number,
  layout: "one line" | "many lines" = "one line",
): CellReading<string> {
  if (text.length > longest) {
    return { reason: `This has ${text.length} characters; at most ${longest} are allowed.` };
  }
  const forbidden = layout === "one line" ? /\p{Cc}/u : /[\p{Cc}--[\t\n\r]]/v;
  const found = forbidden.exec(text)?.[0];
  if (found === undefined) return { value: text };
  if (found === "\n" || found === "\r")
    return { reason: "This contains a line break; write it on one line." };
  const code = found.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
  return { reason: `This contains the invisible character U+${code}; delete it.` };
}

/** The largest whole number that is read: what an int32 of PostgreSQL holds. */
const LARGEST_NUMBER = 2 ** 31 - 1;

/**
 * Reads a number that is no amount of money. Shopify writes whole numbers with decimals too, such as
 * "1200.0".
 *
 * @param text the number, with a point before decimals
 * @param meaning what it counts, to be named in a refusal, such as "weight in grams"
 */
export function readNumber(text: string, meaning: string): CellReading<number> {
  if (!/^-?[0-9]{1,15}(?:\.[0-9]{1,20})?$/.test(text)) {
    return { reason: `${quoted(text)} is not a ${meaning}; write it with digits only.` };
  }
  const value = Number(text);
  return Math.abs(value) > LARGEST_NUMBER ? { reason: `${text} is too large a ${meaning}.` } : { value };
}

/**
 * Reads a number and refuses one with a fraction.
 *
 * @param text the number
 * @param meaning what it counts, to be named in a refusal, such as "number of pieces"
 */
export function readWholeNumber(text: string, meaning: string): CellReading<number> {
  const reading = readNumber(text, meaning);
  if ("reason" in reading || Number.isInteger(reading.value)) return reading;
  return { reason: `${text} is not a whole ${meaning}.` };
}

/**
 * Takes away the apostrophe that Shopify puts before a code of digits, to keep spreadsheets from reading it
 * as a number.
 */
export function withoutApostrophe(code: string): string {
  return /^'[0-9]+$/.test(code) ? code.slice(1) : code;
}

/** Quotes a merchant's text in a reason, shortened. */
export function quoted(text: string): string {
  const characters = [...text];
  return `"${characters.length > 60 ? `${characters.slice(0, 60).join("")}…` : text}"`;
}
