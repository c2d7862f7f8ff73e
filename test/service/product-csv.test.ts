import { createReadStream } from "node:fs";
import test from "ava";
import fc from "fast-check";
import type {
  CatalogueProblem,
  CatalogueProduct,
  CatalogueResult,
} from "../../services/product/catalogue/catalogue-product.ts";
import { firstLines } from "../../services/product/catalogue/first-lines.ts";
import { parsePrice } from "../../services/product/catalogue/parse-price.ts";
import { readShopifyCsv } from "../../services/product/catalogue/read-shopify-csv.ts";
import { sanitiseHtml } from "../../services/product/catalogue/sanitise-html.ts";

const HEADER =
  "Handle,Title,Body (HTML),Vendor,Product Category,Type,Tags,Published,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Option3 Name,Option3 Value,Variant SKU,Variant Grams,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Fulfillment Service,Variant Price,Variant Compare At Price,Variant Requires Shipping,Variant Taxable,Variant Barcode,Image Src,Image Position,Image Alt Text,Gift Card,SEO Title,SEO Description,Status".split(
    ",",
  );

type Row = Record<string, string>;

/** A product of two colours and three pictures on three rows, of which the first takes two lines. */
const LAMP: Row[] = [
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

const LAMP_READ: CatalogueProduct = {
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
function simple(handle: string, changes: Row = {}): Row {
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

function toCsv(rows: Row[], { header = HEADER, lineEnd = "\r\n", start = "\uFEFF", isQuoted = false } = {}) {
  const cell = (text: string) =>
    isQuoted || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  const lines = [header, ...rows.map((row) => header.map((column) => row[column] ?? ""))];
  return start + lines.map((cells) => cells.map(cell).join(",") + lineEnd).join("");
}

async function collect(chunks: AsyncIterable<Uint8Array>, minorDigits = 2): Promise<CatalogueResult[]> {
  const results: CatalogueResult[] = [];
  for await (const result of readShopifyCsv(chunks, { minorDigits })) results.push(result);
  return results;
}

async function read(
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

const products = (results: CatalogueResult[]) =>
  results.flatMap((result) => (result.kind === "product" ? [result.product] : []));
const problems = (results: CatalogueResult[]) =>
  results.filter((result): result is CatalogueProblem => result.kind === "problem");

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

const refusals: [about: string, changes: Row, column: string, reason: RegExp][] = [
  ["a missing price", { "Variant Price": "" }, "Variant Price", /missing/],
  ["a negative price", { "Variant Price": "-1.00" }, "Variant Price", /negative/],
  ["a price in words", { "Variant Price": "ask us" }, "Variant Price", /"?ask us"? is not an amount/],
  ["an endless price", { "Variant Price": "1".repeat(40) }, "Variant Price", /not an amount/],
  [
    "an earlier price with a comma",
    { "Variant Compare At Price": "9,90" },
    "Variant Compare At Price",
    /comma/,
  ],
  ["a negative weight", { "Variant Grams": "-5" }, "Variant Grams", /negative/],
  ["a weight with a unit", { "Variant Grams": "2 kg" }, "Variant Grams", /digits/],
  ["half a piece", { "Variant Inventory Qty": "2.5" }, "Variant Inventory Qty", /whole/],
  ["more pieces than fit", { "Variant Inventory Qty": "3000000000" }, "Variant Inventory Qty", /too large/],
  ["a barcode shortened by a spreadsheet", { "Variant Barcode": "2E+12" }, "Variant Barcode", /spreadsheet/],
  [
    "a SKU that is too long",
    { "Variant SKU": "x".repeat(256) },
    "Variant SKU",
    /256 characters; at most 255/,
  ],
  ["an option value that is missing", { "Option1 Value": "" }, "Option1 Value", /"Colour" is missing/],
  ["a value of an unnamed option", { "Option2 Value": "Big" }, "Option2 Value", /without a name/],
  ["an option of another name", { "Option1 Name": "Size" }, "Option1 Name", /"Size" is not named so/],
  ["another title", { Title: "Torch" }, "Title", /differs/],
  ["values that are taken", { "Option1 Value": "Crème" }, "Option1 Value", /"Crème" stands on line 2/],
  ["a SKU that is taken", { "Variant SKU": "L-1" }, "Variant SKU", /"L-1" stands on line 2/],
  ["an invisible character", { "Option1 Value": "No\u0000ir" }, "Option1 Value", /U\+0000/],
  ["a line break in a SKU", { "Variant SKU": "L\n2" }, "Variant SKU", /line break/],
];
for (const [about, changes, column, reason] of refusals) {
  test(`${about} costs only the variant`, async (t) => {
    const [first, second] = LAMP as [Row, Row];
    const results = await read(toCsv([first, { ...second, "Image Src": "", ...changes }, simple("next")]));
    t.like(problems(results), [{ line: 4, column, handle: "lamp" }] as never);
    t.regex(problems(results)[0]?.reason ?? "", reason);
    t.deepEqual(products(results)[0]?.variants, [LAMP_READ.variants[0]] as never);
    t.is(products(results)[1]?.handle, "next");
  });
}

const refusedProducts: [about: string, changes: Row, column: string, reason: RegExp][] = [
  ["a missing title", { Title: "" }, "Title", /title is missing/],
  ["a handle with blanks", { Handle: "My Mug" }, "Handle", /"My Mug" may contain only/],
  ["a handle that is too long", { Handle: "m".repeat(256) }, "Handle", /at most 255/],
  ["a description that is too long", { "Body (HTML)": "x".repeat(65_537) }, "Body (HTML)", /at most 65536/],
  ["too many tags", { Tags: Array.from({ length: 251 }, (_, i) => `t${i}`).join() }, "Tags", /251 tags/],
  ["a tag that is too long", { Tags: "x".repeat(256) }, "Tags", /256 characters/],
  ["an answer that is neither true nor false", { Published: "maybe" }, "Published", /"maybe"/],
  ["an unknown status", { Status: "gone" }, "Status", /"gone" is not a status/],
  ["a gap between options", { "Option3 Name": "Size", "Option3 Value": "L" }, "Option2 Name", /later one/],
  ["two options of one name", { "Option2 Name": "title" }, "Option2 Name", /Two options/],
];
for (const [about, changes, column, reason] of refusedProducts) {
  test(`${about} costs the whole product, with one problem`, async (t) => {
    const row = simple("mug", changes);
    const more = { Handle: row.Handle as string, "Option1 Value": "Other", "Variant Price": "no" };
    const results = await read(toCsv([row, more, simple("next")]));
    t.like(problems(results), [{ line: 2, column }] as never);
    t.regex(problems(results)[0]?.reason ?? "", reason);
    t.deepEqual(
      products(results).map(({ handle }) => handle),
      ["next"],
    );
  });
}

test("a picture at fault costs only the picture", async (t) => {
  const sources = ["javascript:alert(1)", "//elsewhere.example/a.svg", "a.svg", "data:image/png;base64,AA=="];
  for (const src of sources) {
    const results = await read(toCsv([simple("mug", { "Image Src": src })]));
    t.like(problems(results), [{ line: 2, column: "Image Src", handle: "mug" }] as never);
    t.deepEqual(products(results)[0]?.images, []);
  }
});

test("a picture that is named twice counts once, and there are at most 250", async (t) => {
  const picture = (index: number): Row => ({ Handle: "mug", "Image Src": `/${index}.svg` });
  const rows = [...Array.from({ length: 251 }, (_, index) => picture(index)), picture(0)];
  const results = await read(toCsv([simple("mug"), ...rows]));
  t.like(problems(results), [{ line: 253, column: "Image Src", handle: "mug" }] as never);
  t.is(products(results)[0]?.images.length, 250);
});

test("a product without a readable variant is left out and said to be", async (t) => {
  const results = await read(toCsv([simple("mug", { "Variant Price": "" }), simple("next")]));
  t.deepEqual(
    problems(results).map(({ line, column }) => [line, column]),
    [
      [2, "Variant Price"],
      [2, undefined],
    ],
  );
  t.deepEqual(
    products(results).map(({ handle }) => handle),
    ["next"],
  );
});

test("a handle that comes back later is one problem that names its first line", async (t) => {
  const again = simple("one", { "Variant SKU": "other" });
  const results = await read(
    toCsv([simple("one"), simple("two"), again, { Handle: "one", "Image Src": "/a.svg" }]),
  );
  t.deepEqual(
    products(results).map(({ handle }) => handle),
    ["one", "two"],
  );
  t.like(problems(results), [{ line: 4, column: "Handle", handle: "one" }] as never);
  t.regex(problems(results)[0]?.reason ?? "", /begins on line 2 already/);
});

test("a SKU is unique across products", async (t) => {
  const results = await read(toCsv([simple("one"), simple("two", { "Variant SKU": "one" })]));
  t.like(problems(results)[0], { line: 3, column: "Variant SKU", handle: "two" });
});

test("a product has at most 250 variants", async (t) => {
  const variants = (count: number) =>
    Array.from({ length: count }, (_, index) => ({
      ...(index === 0 ? simple("big", { "Option1 Name": "No." }) : { Handle: "big", "Variant Price": "1" }),
      "Option1 Value": `${index + 1}`,
      "Variant SKU": `big-${index}`,
    }));
  t.is(products(await read(toCsv(variants(250))))[0]?.variants.length, 250);
  const results = await read(toCsv([...variants(280), simple("next")]));
  t.deepEqual(
    products(results).map(({ handle }) => handle),
    ["next"],
  );
  t.like(problems(results), [{ line: 252, handle: "big" }] as never);
  t.regex(problems(results)[0]?.reason ?? "", /more than 250 variants/);
});

test("a row with a handle missing, with cells too many, or with nothing in it is a problem of its own", async (t) => {
  const file = `${toCsv([simple("one")])}one\r\n${toCsv([{ Title: "x" }, { Handle: "one" }, simple("two")], {
    start: "",
  })
    .split("\r\n")
    .slice(1)
    .join("\r\n")}`;
  const results = await read(file);
  t.deepEqual(
    problems(results).map(({ line, reason }) => [line, reason.slice(0, 22)]),
    [
      [3, "The row has 1 cells, b"],
      [4, "The handle is missing."],
      [5, "The row holds neither "],
    ],
  );
  t.deepEqual(
    products(results).map(({ handle }) => handle),
    ["one", "two"],
  );
});

const unreadable: [about: string, file: string | Uint8Array, line: number, reason: RegExp][] = [
  ["an empty file", "", 1, /no products/],
  ["a file with a header only", toCsv([]), 1, /no products/],
  [
    "a missing column",
    toCsv(LAMP, { header: HEADER.filter((c) => c !== "Variant Price") }),
    1,
    /lacks "Variant Price"/,
  ],
  ["a column that stands twice", toCsv(LAMP, { header: [...HEADER, "Title"] }), 1, /"Title" twice/],
  ["another kind of file", "name,price\r\nmug,3\r\n", 1, /lacks "Handle", "Title"/],
  ["semicolons", toCsv(LAMP).replaceAll(",", ";"), 1, /separated by semicolons/],
  [
    "semicolons and quotes",
    toCsv(LAMP, { isQuoted: true }).replaceAll('","', '";"'),
    1,
    /separated by semicolons/,
  ],
  ["tabs", toCsv(LAMP).replaceAll(",", "\t"), 1, /separated by tabs/],
  ["lone carriage returns", toCsv(LAMP, { lineEnd: "\r" }), 1, /carriage return/],
  [
    "text in another encoding",
    Buffer.from(toCsv([simple("ok"), ...LAMP], { start: "" }), "latin1"),
    4,
    /UTF-8/,
  ],
  ["text in UTF-16", Buffer.from(toCsv(LAMP), "utf16le"), 1, /UTF-8/],
  ["a character cut off at the end", Buffer.from(`${toCsv([simple("ok")])}é`).subarray(0, -1), 3, /UTF-8/],
  ["a quote that never closes", `${toCsv([simple("ok")])}"lamp,\r\n\r\n`, 3, /do not balance/],
  ["a quote in the middle of a cell", `${toCsv([simple("ok")])}la"mp,\r\n`, 3, /do not balance/],
  ["text behind a closing quote", `${toCsv(LAMP)}"lamp"x,\r\n`, 6, /do not balance/],
  ["a row of endless empty cells", toCsv([simple("ok")]) + ",".repeat(1_100_000), 3, /longer than a million/],
  ["a row without end", `${toCsv([simple("ok")])}"${"x".repeat(1_100_000)}`, 3, /longer than a million/],
];
for (const [about, file, line, reason] of unreadable) {
  test(`${about}: one clear problem, wherever the file is cut`, async (t) => {
    const results = await read(file);
    t.like(problems(results), [{ line }] as never);
    t.regex(results.at(-1)?.kind === "problem" ? (problems(results)[0]?.reason ?? "") : "", reason);
    const size = Buffer.from(file).length;
    const step = Math.max(1, Math.floor(size / 50));
    const cuts = Array.from({ length: 50 }, (_, index) => Math.min(size, (index + 1) * step));
    t.deepEqual(await read(file, { cuts }), results);
  });
}

test("products before a fault of the file are read, the one it interrupts is not", async (t) => {
  const results = await read(`${toCsv([simple("ok"), ...LAMP])}lamp,"x"y\r\n`);
  t.deepEqual(
    products(results).map(({ handle }) => handle),
    ["ok"],
  );
  t.like(problems(results), [{ line: 7, handle: "lamp" }] as never);
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

test("harmless HTML stays, everything else goes", (t) => {
  const cases: [html: string, expected: string][] = [
    ["<p>One<br>two &amp; <strong>three</strong></p>", "<p>One<br>two &amp; <strong>three</strong></p>"],
    ['<p style="color:red" onclick="x()">a</p>', "<p>a</p>"],
    ["a<script>alert('<p>')</script>b<STYLE>p{}</STYLE >c", "abc"],
    ["<img src=x onerror=alert(1)>a<svg><script>x</script></svg>", "a"],
    ["<scr<script>ipt>alert(1)</script>", "ipt&gt;alert(1)"],
    ["<a href='https://a.example/?b=1&amp;c=\"'>x</a>", '<a href="https://a.example/?b=1&amp;c=%22">x</a>'],
    ['<a href=" java\tscript:alert(1)">x</a>', "x"],
    ['<a href="javascript&colon;alert(1)">x</a><a href="&#106;avascript:alert(1)">y</a>', "xy"],
    ['<a href="/relative">x</a><a href="mailto:a@b.example">y</a><a>z</a>', "xyz"],
    ['<a title=">" href="http://a.example">x</a>', '<a href="http://a.example/">x</a>'],
    ["<h1>Big</h1><div>a</div><div>b</div>", "Big\na\nb"],
    ["<p>a<p>b<ul><li>c<li>d</ul>", "<p>a</p><p>b</p><ul><li>c</li><li>d</li></ul>"],
    ["<p><b>a</p>b</b></p></i>", "<p><b>a</b></p>b"],
    ["<li>a</li><li>b</li>", "a\nb"],
    ["1 < 2 & 3 > 2 &lt; &nope &#60;", "1 &lt; 2 &amp; 3 &gt; 2 &lt; &amp;nope &#60;"],
    ["a<!-- <p> -->b<!---->c<!doctype x>d<?php ?>e</>f", "abcdef"],
    ["<ul><p>a<li>b</ul>", "<ul><p>a</p><li>b</li></ul>"],
    ['<a = href="http://a.example">x</a>', '<a href="http://a.example/">x</a>'],
    ["a<p", "a"],
    ["a<!-- never closed", "a"],
    ["a\u0000b\u001b", "ab"],
  ];
  for (const [html, expected] of cases) t.is(sanitiseHtml(html), expected, html);
});

test("sanitised HTML is made of allowed tags only, is balanced, and stays the same when sanitised again", (t) => {
  const piece = fc.oneof(
    fc.constantFrom(
      ..."<p> </p> <b> </b> <ul> <li> </li> </ul> <h2> </h2> <a href='https://a.example/'> </a> <br>".split(
        " ",
      ),
    ),
    fc.constantFrom(
      ..."<script> </script> <div> <svg> <!-- --> < > </ <a =\" ' & &amp; &#x3c; /> href=javascript:x".split(
        " ",
      ),
    ),
    fc.string({ unit: "binary" }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const html = sanitiseHtml(pieces.join(""));
      const open: string[] = [];
      const text = html.replace(
        /<(\/?)(p|br|ul|ol|li|strong|em|b|i|h[234]|a)( href="https?:[^"<>]*")?>/g,
        (_, slash, tag) => {
          if (slash === "/") t.is(open.pop(), tag);
          else if (tag !== "br") open.push(tag);
          return "";
        },
      );
      t.notRegex(text, /[<>]/);
      t.deepEqual(open, []);
      t.is(sanitiseHtml(html), html);
    }),
    { numRuns: 500 },
  );
});

test("the time that hostile HTML takes grows no faster than its length", (t) => {
  const shapes = ["<", "<a ", "<a =", '<a href="', "<!--", "</", "&", "<p><b>", "<div>", "<script>", "<a / "];
  const run = (length: number) => {
    const start = process.cpuUsage();
    for (const shape of shapes) sanitiseHtml(shape.repeat(Math.ceil(length / shape.length)));
    return process.cpuUsage(start).user / 1000;
  };
  run(65_536);
  t.true(run(16 * 65_536) < 16 * 8 * Math.max(run(65_536), 20));
});

test("a memory of first lines tells repeated texts from new ones, however many there are", (t) => {
  const lines = firstLines();
  for (let line = 1; line <= 20_000; line += 1) t.is(lines.note(`text ${line}`, line), undefined);
  for (let line = 1; line <= 20_000; line += 999) t.is(lines.note(`text ${line}`, 99_999), line);
});

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
    { numRuns: 200 },
  );
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
