import type {
  CatalogueProblem,
  CatalogueProduct,
  CatalogueResult,
} from "../../services/product/catalogue/catalogue-product.ts";
import { readShopifyCsv } from "../../services/product/catalogue/read-shopify-csv.ts";

/** The columns of a product export of Shopify's. */
export const HEADER =
  "Handle,Title,Body (HTML),Vendor,Product Category,Type,Tags,Published,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Option3 Name,Option3 Value,Variant SKU,Variant Grams,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Fulfillment Service,Variant Price,Variant Compare At Price,Variant Requires Shipping,Variant Taxable,Variant Barcode,Image Src,Image Position,Image Alt Text,Gift Card,SEO Title,SEO Description,Status".split(
    ",",
  );

/** A row, by column. */
export type Row = Record<string, string>;

/** A product of two colours and three pictures on three rows, of which the first takes two lines. */
export const LAMP: Row[] = [
  {
    Handle: "lamp",
    Title: 'Lamp, 12"',
    "Body (HTML)": '<p>It is "bright".</p>\n<p>And warm, too.</p>',
    Vendor: "Söderlykta",
    Type: "Lamps",
    Tags: "desk, LED",
    Published: "true",
    "Option1 Name": "Colour",
    "Option1 Value": "Crème",
    "Variant SKU": "L-1",
    "Variant Grams": "1200.0",
    "Variant Inventory Qty": "5",
    "Variant Price": "49.00",
    "Variant Compare At Price": "59.90",
    "Variant Barcode": "'2000047110135",
    "Image Src": "/images/lamp.svg",
    "Image Position": "1",
    "Image Alt Text": "A lamp",
    Status: "active",
  },
  {
    Handle: "lamp",
    "Option1 Value": "Noir",
    "Variant SKU": "L-2",
    "Variant Price": "49.50",
    "Image Src": "https://pictures.example/noir.png",
    "Image Position": "3",
  },
  { Handle: "lamp", "Image Src": "/images/lamp-2.svg", "Image Position": "2" },
];

/** What that product reads as. */
export const LAMP_READ: CatalogueProduct = {
  handle: "lamp",
  title: 'Lamp, 12"',
  descriptionHtml: '<p>It is "bright".</p>\n<p>And warm, too.</p>',
  vendor: "Söderlykta",
  type: "Lamps",
  tags: ["desk", "LED"],
  published: true,
  options: [{ name: "Colour", values: ["Crème", "Noir"] }],
  images: [
    { src: "/images/lamp.svg", alt: "A lamp" },
    { src: "/images/lamp-2.svg", alt: "" },
    { src: "https://pictures.example/noir.png", alt: "" },
  ],
  variants: [
    {
      sku: "L-1",
      optionValues: ["Crème"],
      grams: 1200,
      quantity: 5,
      priceMinor: 4900n,
      compareAtMinor: 5990n,
      barcode: "2000047110135",
      line: 2,
    },
    { sku: "L-2", optionValues: ["Noir"], grams: 0, priceMinor: 4950n, line: 4 },
  ],
};

/** A product in one form on one row. */
export function simple(handle: string, changes: Row = {}): Row {
  return {
    Handle: handle,
    Title: handle,
    "Option1 Name": "Title",
    "Option1 Value": "Default Title",
    "Variant SKU": handle,
    "Variant Price": "1.00",
    ...changes,
  };
}

/** The file that rows make. */
export function toCsv(
  rows: Row[],
  { header = HEADER, lineEnd = "\r\n", start = "\uFEFF", isQuoted = false } = {},
) {
  const cell = (text: string) =>
    isQuoted || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  const lines = [header, ...rows.map((row) => header.map((column) => row[column] ?? ""))];
  return start + lines.map((cells) => cells.map(cell).join(",") + lineEnd).join("");
}

/** Reads a file to its end. */
export async function collect(
  chunks: AsyncIterable<Uint8Array>,
  minorDigits = 2,
): Promise<CatalogueResult[]> {
  const results: CatalogueResult[] = [];
  for await (const result of readShopifyCsv(chunks, { minorDigits })) results.push(result);
  return results;
}

/** Reads a file that is cut at some places. */
export async function read(
  file: string | Uint8Array,
  { cuts = [] as number[], minorDigits = 2 } = {},
): Promise<CatalogueResult[]> {
  const bytes = typeof file === "string" ? Buffer.from(file) : file;
  async function* chunks() {
    const ends = [...cuts.toSorted((one, other) => one - other), bytes.length];
    for (const [index, end] of ends.entries()) yield bytes.subarray(ends[index - 1] ?? 0, end);
  }
  return await collect(chunks(), minorDigits);
}

/** The products among what was read. */
export const products = (results: CatalogueResult[]) =>
  results.flatMap((result) => (result.kind === "product" ? [result.product] : []));
/** The problems among what was read. */
export const problems = (results: CatalogueResult[]) =>
  results.filter((result): result is CatalogueProblem => result.kind === "problem");
