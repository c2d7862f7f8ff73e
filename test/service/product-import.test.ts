import { readFile } from "node:fs/promises";
import { fromBinary } from "@bufbuild/protobuf";
import test from "ava";
import { ProductChangedSchema } from "#gen/souk/product/v1/events_pb.ts";
import { decimalsOf } from "#kit/currency.ts";
import { migrate, migrateDown } from "#kit/data/migrate.ts";
import { categorySlug } from "../../services/product/import/category-slug.ts";
import { type ImportStep, importProducts } from "../../services/product/import/import-products.ts";
import { migrations } from "../../services/product/migrations/index.ts";
import { createDatabase } from "../stores.ts";
import { openShop, outcomeOf, type Shop } from "./product-shop.ts";

let shop: Shop;
const drops: (() => Promise<void>)[] = [];

test.beforeEach(async () => {
  shop = await openShop({ teardown: (work) => drops.unshift(work) });
});

test.afterEach.always(async () => {
  for (const drop of drops.splice(0)) await drop();
});

/** The events that were told since the last look, in order. */
async function takeEvents() {
  const { rows } = await shop.db.pool.run(
    "with taken as (delete from mesh.outbox returning seq, payload) select payload from taken order by seq",
  );
  return rows.map(({ payload }) => fromBinary(ProductChangedSchema, payload));
}

function importText(text: string, scope = shop.scope()): AsyncGenerator<ImportStep, void> {
  async function* chunks() {
    const bytes = Buffer.from(text);
    for (let from = 0; from < bytes.length; from += 1_000) yield bytes.subarray(from, from + 1_000);
  }
  return importProducts(shop.db, scope, { chunks: chunks(), currency: "EUR", minorDigits: 2 });
}

const HEADER = "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price,Variant Inventory Qty";

test.serial("a new product is stored, and its variants are told with their opening stock", async (t) => {
  const variants = [
    { quantity: 5 },
    { sku: "BIG", quantity: undefined, compareAtMinor: 5900n, barcode: "4711" },
  ];
  t.deepEqual(await shop.import({ lamp: { variants } }), { created: 1, updated: 0 });
  const { product } = await shop.get("lamp");
  const [event, ...others] = await takeEvents();
  t.deepEqual(others, []);
  t.like(event, { productId: product?.id, slug: "lamp" });
  t.deepEqual(
    event?.newVariants.map(({ variantId, sku, openingStock }) => ({ variantId, sku, openingStock })),
    [
      { variantId: product?.variants[0]?.id as string, sku: "lamp-0", openingStock: 5n },
      { variantId: product?.variants[1]?.id as string, sku: "BIG", openingStock: 0n },
    ],
  );
  t.like(product?.variants[1], { compareAtPrice: { minor: 5900n, currency: "EUR" }, barcode: "4711" });
});

test.serial("importing the same again changes nothing and tells of nothing", async (t) => {
  const drafts = {
    lamp: {
      options: [{ name: "Colour", values: ["Red"] }],
      variants: [{ optionValues: ["Red"], quantity: 5 }],
    },
    draft: { published: false, type: "" },
  };
  await shop.import(drafts);
  await takeEvents();
  const before = await shop.get("lamp");
  t.deepEqual(await shop.import(drafts), { created: 0, updated: 0 });
  const soldSome = {
    ...drafts,
    lamp: { ...drafts.lamp, variants: [{ optionValues: ["Red"], quantity: 2 }] },
  };
  t.deepEqual(await shop.import(soldSome), { created: 0, updated: 0 }, "stock is inventory's");
  t.deepEqual(await shop.get("lamp"), before);
  t.deepEqual(await takeEvents(), []);
});

test.serial("a product that changed keeps its id, its age and its variants", async (t) => {
  await shop.import({ lamp: { variants: [{}, {}] }, mug: {} });
  const { product: before } = await shop.get("lamp");
  await takeEvents();
  const change = { lamp: { title: "Lamp", variants: [{ priceMinor: 100n }, {}, { quantity: 9 }] }, mug: {} };
  t.deepEqual(await shop.import(change), { created: 0, updated: 1 });
  const { product } = await shop.get("lamp");
  t.like(product, { id: before?.id, title: "Lamp", etag: "2", createTime: before?.createTime });
  t.notDeepEqual(product?.updateTime, before?.updateTime);
  t.deepEqual(
    product?.variants.slice(0, 2).map(({ id }) => id),
    before?.variants.map(({ id }) => id),
  );
  t.is(product?.variants[0]?.price?.minor, 100n);
  const events = await takeEvents();
  t.deepEqual(
    events.map(({ newVariants }) => newVariants.map(({ sku, openingStock }) => [sku, openingStock])),
    [[["lamp-2", 9n]]],
  );
});

test.serial("a variant that is gone is not for sale, and is the same when it comes back", async (t) => {
  await shop.import({ lamp: { variants: [{}, {}] } });
  const { product: before } = await shop.get("lamp");
  await shop.import({ lamp: { variants: [{}] } });
  await takeEvents();
  const gone = before?.variants[1]?.id as string;
  const { rows } = await shop.db.pool.run("select retire_time from variant where id = $1", [gone]);
  t.not(rows[0].retire_time, null);
  t.is((await shop.get("lamp")).product?.variants.length, 1);
  await shop.import({ lamp: { variants: [{}, {}] } });
  t.is((await shop.get("lamp")).product?.variants[1]?.id, gone);
  t.deepEqual((await takeEvents())[0]?.newVariants, [], "its stock is not opened again");
});

test.serial("a row that cannot be read leaves the variant as it is", async (t) => {
  const file = (price: string) =>
    `${HEADER}\nlamp,Lamp,Size,S,L-S,10.00,1\nlamp,,,M,L-M,${price},1\nmug,Mug,,,MUG,5.00,1\n`;
  await Array.fromAsync(importText(file("12.00")));
  const { product: before } = await shop.get("lamp");
  const steps = await Array.fromAsync(importText(file("twelve").replace("10.00", "11.00")));
  t.like(steps[0], { kind: "problem", line: 3, handle: "lamp" });
  t.like(steps.at(-1), { kind: "result", totals: { created: 0, updated: 1, products: 2, problems: 1 } });
  const { product } = await shop.get("lamp");
  t.deepEqual(product?.variants[1], before?.variants[1]);
  t.is(product?.variants[0]?.price?.minor, 1100n);
  t.deepEqual(product?.options[0]?.values, ["S", "M"]);
});

test.serial("the shipped catalogue imports in few statements, and again without a change", async (t) => {
  const text = await readFile(new URL("../../deploy/local/catalogue.csv", import.meta.url), "utf8");
  let steps: ImportStep[] = [];
  const statements = await shop.countStatements(async () => {
    steps = await Array.fromAsync(importText(text));
  });
  const result = steps.at(-1);
  t.like(result, { kind: "result", totals: { created: 202, updated: 0, products: 202, problems: 0 } });
  t.deepEqual(
    steps.slice(0, -1).map((step) => step.kind === "progress" && step.products),
    [50, 100, 150, 200, 202],
  );
  t.true(statements <= 5 * 14, `${statements} statements`);
  t.is((await takeEvents()).length, 202);
  const again = (await Array.fromAsync(importText(text))).at(-1);
  t.like(again, { kind: "result", totals: { created: 0, updated: 0, products: 202, problems: 0 } });
  t.deepEqual(await takeEvents(), []);
});

test.serial("imports at the same time make each product once", async (t) => {
  const names = Array.from({ length: 30 }, (_, at) => [`lamp-${at}`, { type: `Type ${at % 7}` }] as const);
  const batches = [names, names.toReversed(), names.slice(10), names.slice(0, 20).toReversed()];
  const results = await Promise.all(batches.map((batch) => shop.import(Object.fromEntries(batch))));
  t.is(
    results.reduce((all, { created, updated }) => all + created + updated, 0),
    30,
  );
  const events = await takeEvents();
  t.is(new Set(events.map(({ productId }) => productId)).size, 30);
  t.is(events.length, 30);
});

test.serial("an import that is aborted stores nothing more", async (t) => {
  const abort = new AbortController();
  const scope = { ...shop.scope(), signal: abort.signal };
  async function* chunks() {
    yield Buffer.from(`${HEADER}\nlamp,Lamp,,,L,10.00,1\nmug,Mug,,,M,10.00,1\n`);
    abort.abort(new Error("hung up"));
  }
  const steps = importProducts(shop.db, scope, { chunks: chunks(), currency: "EUR", minorDigits: 2 });
  await t.throwsAsync(Array.fromAsync(steps), { message: "hung up" });
  t.is(await outcomeOf(shop.get("lamp")), "PRODUCT_NOT_FOUND");
});

test.serial("nothing is read on before what was told is taken", async (t) => {
  let read = 0;
  async function* chunks() {
    yield Buffer.from(`${HEADER}\n`);
    for (; read < 100_000; read++) yield Buffer.from(`lamp-${read},Lamp,,,SKU-${read},10.00,1\n`);
  }
  const steps = importProducts(shop.db, shop.scope(), { chunks: chunks(), currency: "EUR", minorDigits: 2 });
  t.like(await steps.next(), { value: { kind: "progress", products: 50 } });
  await shop.get("lamp-0");
  t.true(read <= 52, `${read} rows were read`);
  await steps.return();
  t.is((await shop.list({ pageSize: 100 })).products.length, 50);
});

test.serial("a category has one name in addresses, however it is written", async (t) => {
  await shop.import({
    a: { type: "Töpfe & Pfannen" },
    b: { type: "topfe  pfannen" },
    c: { type: "" },
    d: { type: "!" },
  });
  t.is((await shop.list({ categorySlug: "topfe-pfannen" })).products.length, 2);
  t.is((await shop.get("b")).product?.category?.name, "Töpfe & Pfannen");
  t.is((await shop.get("c")).product?.category, undefined);
  t.is((await shop.get("d")).product?.category, undefined);
  t.is(categorySlug(" 北京 Lamps "), "北京-lamps");
});

test("the decimals of currencies are those of ISO 4217", (t) => {
  const decimals = { EUR: 2, JPY: 0, KWD: 3, CLF: 4, HUF: 2, IQD: 3, QQQ: undefined };
  for (const [currency, expected] of Object.entries(decimals)) t.is(decimalsOf(currency), expected, currency);
});

test.serial("the schema can be undone and made again", async (t) => {
  await using own = await createDatabase();
  const made = await migrate(own.url, migrations);
  t.deepEqual(await migrateDown(own.url, migrations, 0), made.toReversed());
  t.deepEqual(await migrate(own.url, migrations), made);
});
