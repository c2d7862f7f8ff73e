import test from "ava";
import {
  HEADER,
  LAMP,
  LAMP_READ,
  problems,
  products,
  type Row,
  read,
  simple,
  toCsv,
} from "./product-csv-sheet.ts";

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
