import test from "ava";
import fc from "fast-check";
import type { CatalogueProduct } from "../../services/product/catalogue/catalogue-product.ts";
import { sanitiseHtml } from "../../services/product/catalogue/sanitise-html.ts";
import { SEED } from "../seed.ts";
import { problems, products, type Row, read, toCsv } from "./product-csv-sheet.ts";

const oneLine = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 30 })
  .map((text) => text.replace(/\p{Cc}/gu, "").trim())
  .filter((text) => text !== "" && text !== "Title" && !/^'[0-9]+$/.test(text));
const mostly = (text: fc.Arbitrary<string>) => fc.oneof(fc.constant(""), text);
const amount = fc.bigInt({ min: 0n, max: 10n ** 15n });
const catalogue = fc
  .uniqueArray(fc.stringMatching(/^[a-z0-9ö北_-]{1,12}$/), { minLength: 1, maxLength: 5 })
  .chain((handles) => fc.tuple(...handles.map(anyProduct)));

function anyProduct(handle: string): fc.Arbitrary<CatalogueProduct> {
  const names = fc.uniqueArray(oneLine, { maxLength: 3, selector: (name) => name.toLowerCase() });
  return names.chain((optionNames) => {
    const variant = fc.record(
      {
        optionValues: fc.tuple(...optionNames.map(() => oneLine)),
        grams: fc.nat(),
        quantity: fc.nat(),
        priceMinor: amount,
        compareAtMinor: amount,
        barcode: fc.stringMatching(/^[0-9]{8,13}$/),
      },
      { requiredKeys: ["optionValues", "grams", "priceMinor"] },
    );
    return fc.record({
      handle: fc.constant(handle),
      title: oneLine,
      descriptionHtml: fc
        .string({ unit: "grapheme" })
        .map((text) => sanitiseHtml(`<p>a\n"b",\r\n${text}</p>`)),
      vendor: mostly(oneLine),
      type: mostly(oneLine),
      tags: fc.uniqueArray(oneLine.map((tag) => tag.replaceAll(",", ";"))),
      published: fc.boolean(),
      images: fc.uniqueArray(
        fc.record({
          src: fc.webPath().map((path) => `/images${path}`),
          alt: mostly(oneLine.map((alt) => alt.replace(/\s+/g, " "))),
        }),
        { selector: ({ src }) => src, maxLength: 6 },
      ),
      variants: fc
        .uniqueArray(variant, {
          minLength: 1,
          maxLength: 8,
          selector: ({ optionValues }) => JSON.stringify(optionValues),
        })
        .map((variants) => variants.map((one, index) => ({ sku: `${handle} ${index}`, ...one, line: 0 }))),
      options: fc.constant(optionNames.map((name) => ({ name, values: [] as string[] }))),
    });
  });
}

function toRows({ handle, images, variants, options, ...product }: CatalogueProduct): Row[] {
  const price = (minor?: bigint) =>
    minor === undefined ? "" : `${minor / 100n}.${`${minor % 100n}`.padStart(2, "0")}`;
  return Array.from({ length: Math.max(images.length, variants.length) }, (_, index) => {
    const row: Row = {
      Handle: handle,
      "Image Src": images[index]?.src ?? "",
      "Image Alt Text": images[index]?.alt ?? "",
    };
    const variant = variants[index];
    if (index === 0) {
      Object.assign(row, {
        Title: product.title,
        "Body (HTML)": product.descriptionHtml,
        Vendor: product.vendor,
      });
      Object.assign(row, {
        Type: product.type,
        Tags: product.tags.join(", "),
        Published: `${product.published}`,
      });
      for (const [at, { name }] of options.entries()) row[`Option${at + 1} Name`] = name;
      if (options.length === 0)
        Object.assign(row, { "Option1 Name": "Title", "Option1 Value": "Default Title" });
    }
    if (variant === undefined) return row;
    for (const [at, value] of variant.optionValues.entries()) row[`Option${at + 1} Value`] = value;
    row["Variant SKU"] = variant.sku;
    row["Variant Grams"] = `${variant.grams}.0`;
    row["Variant Inventory Qty"] = `${variant.quantity ?? ""}`;
    row["Variant Price"] = price(variant.priceMinor);
    row["Variant Compare At Price"] = price(variant.compareAtMinor);
    row["Variant Barcode"] = variant.barcode === undefined ? "" : `'${variant.barcode}`;
    return row;
  });
}

test("any catalogue written as CSV and cut anywhere reads back equal", async (t) => {
  const style = fc.record({
    lineEnd: fc.constantFrom("\r\n", "\n"),
    start: fc.constantFrom("", "\uFEFF"),
    isQuoted: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(catalogue, style, fc.array(fc.nat({ max: 9_999 })), async (written, options, places) => {
      const bytes = Buffer.from(toCsv(written.flatMap(toRows), options));
      const results = await read(bytes, {
        cuts: places.map((place) => Math.floor((place / 10_000) * bytes.length)),
      });
      const lines = (product: CatalogueProduct) => ({
        ...product,
        variants: product.variants.map((one) => ({ ...one, line: 0 })),
      });
      const expected = written.map((product) => ({
        ...product,
        options: product.options.map(({ name }, at) => ({
          name,
          values: [...new Set(product.variants.map(({ optionValues }) => optionValues[at] as string))],
        })),
      }));
      t.deepEqual(problems(results), []);
      t.deepEqual(products(results).map(lines), expected);
    }),
    { seed: SEED, numRuns: 200 },
  );
});
