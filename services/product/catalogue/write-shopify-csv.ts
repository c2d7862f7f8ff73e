import type { CatalogueProduct, CatalogueVariant } from "./catalogue-product.ts";
import type { Column } from "./columns.ts";
import { NAME_COLUMNS } from "./read-product.ts";
import { NO_CHOICE, VALUE_COLUMNS } from "./read-variant.ts";
import { writePrice } from "./write-price.ts";

/** A product as it is written: what a file tells of it, and whether it has been taken off sale. */
export type WrittenProduct = Omit<CatalogueProduct, "variants"> & {
  readonly isArchived: boolean;
  readonly variants: readonly WrittenVariant[];
};

/** A variant as it is written; undefined where it has no price in the currency of the file. */
export type WrittenVariant = Omit<CatalogueVariant, "line" | "quantity" | "priceMinor"> & {
  readonly priceMinor: bigint | undefined;
};

type Cells = Partial<Record<Column, string>>;

/** Stock is not the catalogue's, so there is no column for it. */
const COLUMNS: readonly Column[] = [
  "Handle",
  "Title",
  "Body (HTML)",
  "Vendor",
  "Type",
  "Tags",
  "Published",
  "Option1 Name",
  "Option1 Value",
  "Option2 Name",
  "Option2 Value",
  "Option3 Name",
  "Option3 Value",
  "Variant SKU",
  "Variant Grams",
  "Variant Price",
  "Variant Compare At Price",
  "Variant Barcode",
  "Image Src",
  "Image Position",
  "Image Alt Text",
  "Status",
];

/** The first row of a file in Shopify's product format. */
export const HEADER_ROW: string = writeRow(COLUMNS);

/**
 * Writes the rows of a product in Shopify's product format: readShopifyCsv makes the same of them. Each row holds a
 * variant, a picture or both.
 *
 * @param product with at least one variant
 * @param minorDigits the decimals of the currency of its prices
 */
export function writeProduct(product: WrittenProduct, minorDigits: number): string {
  const { variants, images } = product;
  const rows = Array.from({ length: Math.max(variants.length, images.length) }, (_, at) => {
    const [variant, image] = [variants[at], images[at]];
    const cells: Cells = {
      Handle: product.handle,
      ...(at === 0 && headCells(product)),
      ...(variant && variantCells(variant, minorDigits)),
      ...(image && { "Image Src": image.src, "Image Position": `${at + 1}`, "Image Alt Text": image.alt }),
    };
    return writeRow(COLUMNS.map((column) => cells[column] ?? ""));
  });
  return rows.join("");
}

function headCells(product: WrittenProduct): Cells {
  const names = product.options.length === 0 ? [NO_CHOICE.name] : product.options.map(({ name }) => name);
  return {
    Title: product.title,
    "Body (HTML)": product.descriptionHtml,
    Vendor: product.vendor,
    Type: product.type,
    Tags: product.tags.join(", "),
    Published: product.published ? "true" : "false",
    ...Object.fromEntries(names.map((name, at) => [NAME_COLUMNS[at], name])),
    Status: statusOf(product),
  };
}

function statusOf({ published, isArchived }: WrittenProduct): string {
  if (published) return "active";
  return isArchived ? "archived" : "draft";
}

function variantCells(variant: WrittenVariant, minorDigits: number): Cells {
  const { sku, grams, barcode, priceMinor, compareAtMinor } = variant;
  const values = variant.optionValues.length === 0 ? [NO_CHOICE.value] : variant.optionValues;
  return {
    ...Object.fromEntries(values.map((value, at) => [VALUE_COLUMNS[at], value])),
    "Variant SKU": sku,
    "Variant Grams": `${grams}`,
    "Variant Price": priceMinor === undefined ? "" : writePrice(priceMinor, minorDigits),
    "Variant Compare At Price": compareAtMinor === undefined ? "" : writePrice(compareAtMinor, minorDigits),
    "Variant Barcode": barcode ?? "",
  };
}

/** RFC 4180: what holds a quote, a comma or a line break stands in quotes, and quotes in it are doubled. */
function writeRow(cells: readonly string[]): string {
  const written = cells.map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell));
  return `${written.join(",")}\r\n`;
}
