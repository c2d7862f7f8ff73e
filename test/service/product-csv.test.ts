import { createReadStream } from "node:fs";
import test from "ava";
import fc from "fast-check";
import { firstLines } from "../../services/product/catalogue/first-lines.ts";
import { parsePrice } from "../../services/product/catalogue/parse-price.ts";
import { SEED } from "../seed.ts";
import {
  collect,
  HEADER,
  LAMP,
  LAMP_READ,
  problems,
  products,
  read,
  simple,
  toCsv,
} from "./product-csv-sheet.ts";

test("a product with continuation rows, pictures, quotes and accents is read as it was meant", async (t) => {
  t.deepEqual(await read(toCsv(LAMP)), [{ kind: "product", line: 2, product: LAMP_READ }]);
});

test("line ends, a byte-order mark, quotes around every cell and a missing last line end change nothing", async (t) => {
  for (const lineEnd of ["\r\n", "\n"]) {
    for (const start of ["", "\uFEFF"]) {
      for (const isQuoted of [false, true]) {
        const file = toCsv(LAMP, { lineEnd, start, isQuoted });
        t.deepEqual(products(await read(file)), [LAMP_READ]);
        t.deepEqual(products(await read(file.slice(0, -lineEnd.length))), [LAMP_READ]);
      }
    }
  }
});

test("columns may stand in any order, unknown ones are passed over and optional ones may be absent", async (t) => {
  const header = ["Colour (product.metafields)", ...HEADER.toReversed()];
  t.deepEqual(products(await read(toCsv(LAMP, { header }))), [LAMP_READ]);
  const few = ["Handle", "Title", "Option1 Name", "Option1 Value", "Variant SKU", "Variant Price"];
  const [product] = products(await read(toCsv([simple("mug")], { header: few })));
  t.like(product, { handle: "mug", descriptionHtml: "", tags: [], published: true, images: [] });
  t.deepEqual(product?.variants, [{ sku: "mug", optionValues: [], grams: 0, priceMinor: 100n, line: 2 }]);
});

test("a product that comes in one form has no options", async (t) => {
  const [product] = products(await read(toCsv([simple("mug")])));
  t.deepEqual([product?.options, product?.variants[0]?.optionValues], [[], []]);
});

test("a product is published when it is both published and active", async (t) => {
  const states: [string, string, boolean][] = [
    ["true", "active", true],
    ["TRUE", "", true],
    ["", "", true],
    ["false", "active", false],
    ["true", "draft", false],
    ["true", "archived", false],
  ];
  for (const [Published, Status, expected] of states) {
    const [product] = products(await read(toCsv([simple("mug", { Published, Status })])));
    t.is(product?.published, expected, `${Published} ${Status}`);
  }
});

test("what Shopify exports in ways of its own is understood", async (t) => {
  const rows = [
    simple("oversold", { "Variant Inventory Qty": "-3", "Variant Grams": "453.59237" }),
    simple("code", { "Variant SKU": "'00123", "Image Src": "/a.svg", "Image Alt Text": "on\ntwo lines" }),
    simple("no-sku", { "Variant SKU": "", "Option1 Name": "Model", "Option1 Value": "Größe S20+" }),
  ];
  const [oversold, code, noSku] = products(await read(toCsv(rows)));
  t.like(oversold?.variants[0], { quantity: 0, grams: 454 });
  t.is(code?.variants[0]?.sku, "00123");
  t.is(code?.images[0]?.alt, "on two lines");
  t.is(noSku?.variants[0]?.sku, "no-sku-große-s20-plus");
});

test("a long run of blank lines is no long row", async (t) => {
  const blanks = "\r\n".repeat(700_000);
  const results = await read(`${toCsv([simple("one")])}${blanks}${simple("two").Handle},\r\n`);
  t.like(problems(results)[0], { line: 700_003, handle: "two" });
});

test("blank lines and rows of empty cells are passed over and still counted", async (t) => {
  const file = `\r\n${toCsv([simple("one")], { start: "" })}\r\n${",".repeat(HEADER.length - 1)}\r\n${"x,"}\r\n`;
  const results = await read(file);
  t.like(results[0], { kind: "problem", line: 6 });
  t.like(results[1], { kind: "product", line: 3 });
});

test("a file may be cut anywhere, also inside a character", async (t) => {
  const bytes = Buffer.from(
    toCsv([...LAMP, simple("größe-北京", { Vendor: "北京 🍋" }), simple("bad", { Status: "?" })]),
  );
  const expected = await read(bytes);
  t.is(products(expected).length, 2);
  for (let cut = 0; cut <= bytes.length; cut += 1) t.deepEqual(await read(bytes, { cuts: [cut] }), expected);
  t.deepEqual(await read(bytes, { cuts: Array.from(bytes, (_, index) => index) }), expected);
});

test("an error of the source passes through", async (t) => {
  async function* broken() {
    yield Buffer.from(toCsv([simple("one")]));
    throw new Error("the upload was cancelled");
  }
  await t.throwsAsync(collect(broken()), { message: "the upload was cancelled" });
});

test("prices are read exactly, by the decimals of the currency", (t) => {
  const amounts: [string, number, bigint][] = [
    ["49", 2, 4900n],
    ["49.0", 2, 4900n],
    ["49.00", 2, 4900n],
    ["0.07", 2, 7n],
    ["1049.5", 3, 1049500n],
    ["4900", 0, 4900n],
    ["92233720368547758.07", 2, 9223372036854775807n],
  ];
  for (const [text, digits, minor] of amounts) t.deepEqual(parsePrice(text, digits), { minor }, text);
  fc.assert(
    fc.property(
      fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
      fc.integer({ min: 1, max: 4 }),
      (minor, digits) => {
        const text = minor.toString().padStart(digits + 1, "0");
        t.deepEqual(parsePrice(`${text.slice(0, -digits)}.${text.slice(-digits)}`, digits), { minor });
      },
    ),
    { seed: SEED },
  );
});

test("what is not plainly a price is refused with a reason", (t) => {
  const texts: [string, number, RegExp][] = [
    ["1,049.00", 2, /comma/],
    ["49,00", 2, /comma/],
    ["-1", 2, /negative/],
    ["−1", 2, /negative/],
    ["49.000", 2, /3 decimals, but the shop's currency has 2/],
    ["49.0", 0, /has none/],
    ["92233720368547758.08", 2, /too large/],
    ...["", ".5", "5.", "+5", "1e3", "€5", "5 EUR", "0x10", "٤", "1.2.3", "NaN"].map(
      (text): [string, number, RegExp] => [text, 2, /is not an amount/],
    ),
  ];
  for (const [text, digits, reason] of texts) {
    const price = parsePrice(text, digits);
    t.regex("reason" in price ? price.reason : "", reason, text);
  }
});

test("a memory of first lines tells repeated texts from new ones, however many there are", (t) => {
  const lines = firstLines();
  for (let line = 1; line <= 20_000; line += 1) t.is(lines.note(`text ${line}`, line), undefined);
  for (let line = 1; line <= 20_000; line += 999) t.is(lines.note(`text ${line}`, 99_999), line);
});

test("the shipped catalogue reads without a problem", async (t) => {
  const file = createReadStream(new URL("../../deploy/local/catalogue.csv", import.meta.url));
  const results = await collect(file);
  t.deepEqual(problems(results), []);
  const all = products(results);
  t.is(all.length, 202);
  t.true(all.filter(({ title }) => /lamp/i.test(title)).length >= 15);
  t.true(new Set(all.map(({ type }) => type)).size >= 12);
  t.is(new Set(all.map(({ descriptionHtml }) => descriptionHtml)).size, all.length);
  for (const { title, variants, images, descriptionHtml } of all) {
    t.true(variants.length <= 9 && images.length > 0 && descriptionHtml.startsWith("<p>"), title);
    t.true(
      variants.every(({ priceMinor }) => priceMinor > 0n),
      title,
    );
  }
});
