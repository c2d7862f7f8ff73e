/** The columns without which a product cannot be read. */
const REQUIRED = [
  "Handle",
  "Title",
  "Option1 Name",
  "Option1 Value",
  "Variant SKU",
  "Variant Price",
] as const;

/** Columns that are read where they are present; an absent one reads as empty cells. */
const OPTIONAL = [
  "Body (HTML)",
  "Vendor",
  "Type",
  "Tags",
  "Published",
  "Status",
  "Option2 Name",
  "Option2 Value",
  "Option3 Name",
  "Option3 Value",
  "Variant Grams",
  "Variant Inventory Qty",
  "Variant Compare At Price",
  "Variant Barcode",
  "Image Src",
  "Image Position",
  "Image Alt Text",
] as const;

/**
 * A column of Shopify's product export that Souk reads. Others, such as SEO or metafield columns, are passed
 * over.
 */
export type Column = (typeof REQUIRED)[number] | (typeof OPTIONAL)[number];

/** The file's columns: how many there are, and the content of a row's cell, without blanks around it. */
export type Columns = { count: number; cell: (cells: readonly string[], column: Column) => string };

/**
 * Finds the columns that Souk reads, in any order, among those of a file's header row.
 *
 * @param header the cells of the header row
 * @returns the columns, or the reason why this is no header of a product export
 */
export function findColumns(header: readonly string[]): Columns | { reason: string } {
  const names = header.map((name) => name.trim());
  const separator = /[;\t|]/.exec(names[0] ?? "")?.[0];
  if (separator !== undefined) return { reason: wrongSeparator(separator) };
  if (names.some((name) => name.includes("\r"))) {
    return {
      reason: "The lines end with a lone carriage return; save the file with Windows or Unix line ends.",
    };
  }
  const missing = REQUIRED.filter((column) => !names.includes(column));
  if (missing.length > 0) {
    return {
      reason: `The header row lacks ${missing.map((name) => `"${name}"`).join(", ")}. The first row names the columns, spelt as in a product export of Shopify.`,
    };
  }
  const known = [...REQUIRED, ...OPTIONAL];
  const repeated = known.find((column) => names.indexOf(column) !== names.lastIndexOf(column));
  if (repeated !== undefined)
    return { reason: `The header row names the column "${repeated}" twice; remove one.` };

  const indexes = new Map<Column, number>(known.map((column) => [column, names.indexOf(column)]));
  return {
    count: header.length,
    cell: (cells, column) => cells[indexes.get(column) ?? -1]?.trim() ?? "",
  };
}

/**
 * Says that a file's cells are separated by something else than commas.
 *
 * @param separator the character found instead
 */
export function wrongSeparator(separator: string): string {
  const name = { ";": "semicolons", "\t": "tabs", "|": "vertical bars" }[separator] ?? `"${separator}"`;
  return `The cells are separated by ${name}, but a product export has commas; save the file as comma-separated values.`;
}
