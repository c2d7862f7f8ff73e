import type { ProductInput, VariantInput } from "#gen/souk/product/v1/product_input_pb.ts";
import { decimalsOf } from "#kit/currency.ts";
import type { CatalogueImage, CatalogueProduct, CatalogueVariant } from "../catalogue/catalogue-product.ts";
import type { Column } from "../catalogue/columns.ts";
import type { CellFault } from "../catalogue/read-cell.ts";
import { NAME_COLUMNS, readHead, readImage } from "../catalogue/read-product.ts";
import { readVariant, VALUE_COLUMNS } from "../catalogue/read-variant.ts";
import { writePrice } from "../catalogue/write-price.ts";
import { ErrorReason, refuse } from "../errors.ts";
import { categorySlug } from "../import/category-slug.ts";
import { invalid, type Violation } from "../invalid.ts";
import { noCurrency } from "../prices/read-prices.ts";

type Cells = Partial<Record<Column, string>>;

/** A product as staff writes it, checked. */
export interface ProductDraft {
  readonly product: CatalogueProduct;
  /** The currency of its prices; empty when it has no variant. */
  readonly currency: string;
}

/** Where in a request the cell of a column stands. */
const HEAD_FIELDS: Cells = {
  Handle: "slug",
  Title: "title",
  "Body (HTML)": "description_html",
  Vendor: "vendor",
  Tags: "tags",
  "Option1 Name": "options[0].name",
  "Option2 Name": "options[1].name",
  "Option3 Name": "options[2].name",
};
const VARIANT_FIELDS: Cells = {
  "Variant SKU": "sku",
  "Variant Price": "price.minor",
  "Variant Grams": "grams",
  "Variant Inventory Qty": "opening_stock",
  "Variant Barcode": "barcode",
};

/**
 * Reads a product that staff writes. It goes the way of the rows of a file, so that the same is right in both and what
 * is exported can be read back.
 *
 * @param input as the contract lets it pass
 * @param isPublished whether the product is on sale
 * @throws SoukError INVALID_REQUEST, OPTIONS_MISMATCH or SKU_TAKEN naming the fields
 */
export function readProductInput(input: ProductInput, isPublished: boolean): ProductDraft {
  if (input.title.trim() === "") throw invalid(inProduct("title", "is missing"));
  const slug = input.slug === "" ? slugOf(input.title) : input.slug;
  const currency = currencyOf(input.variants);
  const minorDigits = decimalsOf(currency) ?? 0;
  const comma = input.tags.findIndex((tag) => tag.includes(","));
  if (comma !== -1) throw invalid(inProduct(`tags[${comma}]`, "must not contain a comma"));
  const reading = readHead(toCell(headCells(input, slug, isPublished)));
  if ("faults" in reading)
    throw invalid(...reading.faults.map((fault) => toViolation(fault, HEAD_FIELDS, "")));
  const { optionNames, ...head } = reading.head;
  const options = optionNames.map((name, at) => ({ name, values: trimmed(input.options[at]?.values ?? []) }));
  const variants = input.variants.map((variant, at) => {
    requireFit(variant, input.options.length, at);
    const cells = variantCells(variant, minorDigits);
    const result = readVariant(0, toCell(cells), { handle: slug, optionNames, minorDigits });
    if (!("faults" in result)) return result.variant;
    throw invalid(...result.faults.map((fault) => toViolation(fault, VARIANT_FIELDS, `variants[${at}].`)));
  });
  requireDistinct(variants, options);
  const used = options.map(({ name, values }, at) => ({ name, values: usedValues(values, variants, at) }));
  return { product: { ...head, options: used, variants, images: readImages(input) }, currency };
}

function slugOf(title: string): string {
  const slug = categorySlug(title)
    .replace(/[^a-z0-9-]/g, "")
    .replace(/^-+|-+$/g, "");
  if (slug !== "") return slug;
  throw invalid(inProduct("slug", "cannot be made of this title; give one"));
}

function currencyOf(variants: readonly VariantInput[]): string {
  const currency = variants[0]?.price?.currency ?? "";
  if (variants.length > 0 && decimalsOf(currency) === undefined) {
    throw invalid(inProduct("variants[0].price.currency", noCurrency(currency)));
  }
  const other = variants.findIndex(({ price }) => price?.currency !== currency);
  if (other === -1) return currency;
  const description = `must be ${currency}, as that of the other variants; SetVariantPrices adds prices in more currencies`;
  throw invalid(inProduct(`variants[${other}].price.currency`, description));
}

function headCells(input: ProductInput, slug: string, isPublished: boolean): Cells {
  return {
    Handle: slug,
    Title: input.title,
    "Body (HTML)": input.descriptionHtml,
    Vendor: input.vendor,
    Tags: input.tags.join(","),
    Published: `${isPublished}`,
    ...Object.fromEntries(input.options.map(({ name }, at) => [NAME_COLUMNS[at], name])),
    "Option1 Value": input.variants[0]?.optionValues[0] ?? "",
  };
}

function variantCells(variant: VariantInput, minorDigits: number): Cells {
  return {
    ...Object.fromEntries(variant.optionValues.map((value, at) => [VALUE_COLUMNS[at], value])),
    "Variant SKU": variant.sku,
    "Variant Price": writePrice(variant.price?.minor ?? 0n, minorDigits),
    "Variant Grams": `${variant.grams}`,
    "Variant Inventory Qty": `${variant.openingStock}`,
    "Variant Barcode": variant.barcode,
  };
}

function readImages({ images }: ProductInput): CatalogueImage[] {
  const read = images.map(({ url, alt }, at) => {
    const result = readImage(toCell({ "Image Src": url, "Image Alt Text": alt }), at + 1);
    if (result === undefined) throw invalid(inProduct(`images[${at}].url`, "is missing"));
    if (!("reason" in result)) return result.image;
    const field = result.column === "Image Alt Text" ? "alt" : "url";
    throw invalid(inProduct(`images[${at}].${field}`, result.reason));
  });
  return read.filter(({ src }, at) => read.findIndex((image) => image.src === src) === at);
}

function requireFit({ optionValues }: VariantInput, options: number, at: number): void {
  if (optionValues.length === options) return;
  throw mismatch(at, `has ${optionValues.length} values, but the product has ${options} options`);
}

function requireDistinct(variants: readonly CatalogueVariant[], options: CatalogueProduct["options"]): void {
  const values = new Set<string>();
  const skus = new Set<string>();
  for (const [at, { sku, optionValues }] of variants.entries()) {
    const stray = optionValues.find((value, option) => !options[option]?.values.includes(value));
    if (stray !== undefined) throw mismatch(at, `names ${stray}, which is no value of the product's options`);
    const key = JSON.stringify(optionValues);
    if (values.has(key)) throw mismatch(at, "are those of another variant");
    if (skus.has(sku)) throw skuTaken(sku);
    values.add(key);
    skus.add(sku);
  }
}

/** Where there are variants, a value that none of them has is no choice. */
function usedValues(
  values: readonly string[],
  variants: readonly CatalogueVariant[],
  option: number,
): string[] {
  const used = new Set(variants.map(({ optionValues }) => optionValues[option]));
  return [...new Set(values)].filter((value) => variants.length === 0 || used.has(value));
}

function mismatch(at: number, description: string) {
  const field = `product.variants[${at}].option_values`;
  return refuse(ErrorReason.OPTIONS_MISMATCH, `${field}: ${description}`, {
    violations: [{ field, description }],
  });
}

/** Refuses an SKU that another variant has. */
export function skuTaken(sku: string) {
  return refuse(ErrorReason.SKU_TAKEN, `another variant has the SKU ${sku}; give this one another`, {
    metadata: { sku },
  });
}

function trimmed(values: readonly string[]): string[] {
  return values.map((value) => value.trim());
}

function toCell(cells: Cells): (column: Column) => string {
  return (column) => cells[column]?.trim() ?? "";
}

function toViolation({ column, reason }: CellFault, fields: Cells, prefix: string): Violation {
  const field = column === undefined ? undefined : fields[column];
  return inProduct(`${prefix}${field ?? "option_values"}`, reason);
}

function inProduct(field: string, description: string): Violation {
  return { field: `product.${field}`, description };
}
