import type { CatalogueVariant } from "./catalogue-product.ts";
import type { Column } from "./columns.ts";
import { parsePrice } from "./parse-price.ts";
import {
  type CellFault,
  type CellReading,
  quoted,
  readNumber,
  readText,
  readWholeNumber,
  withoutApostrophe,
} from "./read-cell.ts";

export const VALUE_COLUMNS = ["Option1 Value", "Option2 Value", "Option3 Value"] as const;

/** Of these at least one is filled in the row of a variant, and none in that of a picture. */
const TELLING_COLUMNS: Column[] = [...VALUE_COLUMNS, "Variant SKU", "Variant Price", "Variant Barcode"];

/** What Shopify writes as the only value of the only option of a product that has no options. */
export const NO_CHOICE = { name: "Title", value: "Default Title" };

const LONGEST_AMOUNT = 32;
const LONGEST_VALUE = 255;
const LONGEST_SKU = 255;
const LONGEST_BARCODE = 64;

/** What the cells of a variant's row depend on. */
export type VariantContext = {
  handle: string;
  /** The names of the product's options, in their order. */
  optionNames: string[];
  /** The decimals of the shop's currency. */
  minorDigits: number;
};

/** A variant, or what is wrong in each cell at fault. */
export type VariantReading = { variant: CatalogueVariant } | { faults: CellFault[] };

/**
 * Tells a row that holds a variant from one that only adds a picture.
 *
 * @param cell the content of the row's cell in a column
 */
export function holdsVariant(cell: (column: Column) => string): boolean {
  return TELLING_COLUMNS.some((column) => cell(column) !== "");
}

/**
 * Reads the variant in a row. Negative stock, which Shopify exports for oversold variants, counts as none. A
 * variant without a SKU, which Shopify allows, gets one from the handle and its option values, so that
 * reading the file again gives the same one.
 *
 * @param line the physical line on which the row starts
 * @param cell the content of the row's cell in a column
 * @param context the product and currency the variant belongs to
 */
export function readVariant(
  line: number,
  cell: (column: Column) => string,
  context: VariantContext,
): VariantReading {
  const faults: CellFault[] = [];

  function take<Value>(column: Column, reading: CellReading<Value>): Value | undefined {
    if ("value" in reading) return reading.value;
    faults.push({ column, reason: reading.reason });
    return undefined;
  }

  const optionValues = VALUE_COLUMNS.flatMap((column, index) => {
    const value = take(column, readOptionValue(cell(column), context.optionNames, index));
    return value === undefined || value === "" ? [] : [value];
  });
  const priceMinor = take("Variant Price", readPrice(cell("Variant Price"), context.minorDigits));
  const compareAtMinor = readOptional("Variant Compare At Price", (text) =>
    readAmount(text, context.minorDigits),
  );
  const grams = readOptional("Variant Grams", readGrams);
  const quantity = readOptional("Variant Inventory Qty", (text) => readWholeNumber(text, "number of pieces"));
  const barcode = readOptional("Variant Barcode", readBarcode);
  const sku = take("Variant SKU", readSku(cell("Variant SKU"), context.handle, optionValues));

  function readOptional<Value>(
    column: Column,
    read: (text: string) => CellReading<Value>,
  ): Value | undefined {
    const text = cell(column);
    return text === "" ? undefined : take(column, read(text));
  }

  if (faults.length > 0 || sku === undefined || priceMinor === undefined) return { faults };
  return {
    variant: {
      sku,
      optionValues,
      grams: grams ?? 0,
      ...(quantity !== undefined && { quantity: Math.max(0, quantity) }),
      priceMinor,
      ...(compareAtMinor !== undefined && { compareAtMinor }),
      ...(barcode !== undefined && { barcode }),
      line,
    },
  };
}

function readOptionValue(text: string, optionNames: string[], index: number): CellReading<string> {
  const name = optionNames[index];
  if (name !== undefined) {
    return text === ""
      ? { reason: `The value of the option ${quoted(name)} is missing.` }
      : readText(text, LONGEST_VALUE);
  }
  const isNoChoice = text === "" || (optionNames.length === 0 && index === 0 && text === NO_CHOICE.value);
  if (isNoChoice) return { value: "" };
  return {
    reason: `${quoted(text)} is the value of an option without a name; the product's first row must name its options in "Option1 Name" and following.`,
  };
}

function readPrice(text: string, minorDigits: number): CellReading<bigint> {
  return text === "" ? { reason: "The price is missing." } : readAmount(text, minorDigits);
}

function readAmount(text: string, minorDigits: number): CellReading<bigint> {
  if (text.length > LONGEST_AMOUNT) return { reason: `${quoted(text)} is not an amount.` };
  const amount = parsePrice(text, minorDigits);
  return "minor" in amount ? { value: amount.minor } : amount;
}

function readGrams(text: string): CellReading<number> {
  const reading = readNumber(text, "weight in grams");
  if ("reason" in reading) return reading;
  // Weights that Shopify has converted from pounds have many decimals.
  if (reading.value >= 0) return { value: Math.round(reading.value) };
  return { reason: `${text} is negative; a weight is 0 or more.` };
}

function readBarcode(text: string): CellReading<string> {
  if (/^[0-9](?:[.,][0-9]+)?e\+[0-9]+$/i.test(text)) {
    return {
      reason: `${text} is a barcode that a spreadsheet has shortened; format the column as text and enter it again.`,
    };
  }
  return readText(withoutApostrophe(text), LONGEST_BARCODE);
}

function readSku(text: string, handle: string, optionValues: string[]): CellReading<string> {
  if (text !== "") return readText(withoutApostrophe(text), LONGEST_SKU);
  const made = [handle, ...optionValues.map(inAddressForm)].filter((part) => part !== "").join("-");
  return made.length > LONGEST_SKU
    ? { reason: "The SKU is missing; give the variant one." }
    : { value: made };
}

/** Writes a text as handles are written: small letters and digits, with hyphens between them. */
function inAddressForm(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replaceAll("+", " plus")
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .replace(/^-|-$/g, "");
}
