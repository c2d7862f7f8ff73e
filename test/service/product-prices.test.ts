import assert from "node:assert/strict";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import test from "ava";
import {
  type ImportProductsRequestSchema,
  ProductAdminService,
} from "#gen/souk/product/v1/product_admin_pb.ts";
import type { VariantPrice } from "#gen/souk/product/v1/product_input_pb.ts";
import { ProductService, ProductState } from "#gen/souk/product/v1/product_pb.ts";
import { unconditional } from "../../services/product/prices/conditional-price.ts";
import { setVariantPrices } from "../../services/product/prices/set-variant-prices.ts";
import { product } from "../../services/product/service.ts";
import { getProductForStaff } from "../../services/product/staff/get-for-staff.ts";
import { listProductsForStaff } from "../../services/product/staff/list-for-staff.ts";
import { afterFile } from "../after-file.ts";
import { eventually } from "../eventually.ts";
import { startTestMesh, type TestMesh } from "../mesh.ts";
import { openShop, outcomeOf } from "./product-shop.ts";

const HEADER =
  "Handle,Title,Type,Option1 Name,Option1 Value,Variant SKU,Variant Price,Variant Compare At Price,Variant Inventory Qty";
const DAY = 24 * 60 * 60 * 1000;

let mesh: TestMesh;
const file = afterFile(test);

test.before(async () => {
  mesh = await startTestMesh(file, [product], { env: { PRODUCT_PRICE_INTERVAL_MS: "50" } });
});

type Price = Partial<Omit<VariantPrice, "$typeName" | "$unknown" | "price">> & {
  readonly price?: { readonly minor: bigint; readonly currency: string };
};

const shopper = () => mesh.withToken(ProductService, "");
const staff = () => mesh.as(ProductAdminService);
const order = () => mesh.as(ProductService, "order");

function eur(minor: bigint, conditions: Price = {}): Price {
  return { price: { minor, currency: "EUR" }, ...conditions };
}

async function importLine(line: string) {
  async function* requests(): AsyncGenerator<MessageInitShape<typeof ImportProductsRequestSchema>> {
    yield { part: { case: "options", value: { currency: "EUR" } } };
    yield { part: { case: "chunk", value: Buffer.from(`${HEADER}\n${line}\n`) } };
  }
  const parts = await Array.fromAsync(staff().importProducts(requests()));
  return parts.at(-1)?.part.value;
}

/** Makes a product that costs 100.00 EUR, and gives the id of its variant. */
async function makeLamp(slug: string, compareAt = ""): Promise<string> {
  await importLine(`${slug},${slug},Lamps,,,${slug},100.00,${compareAt},1`);
  return (await read(slug))?.id ?? "";
}

async function read(slug: string) {
  return (await shopper().getProduct({ by: { case: "slug", value: slug } })).product?.variants[0];
}

/** The price of a variant and the one it is compared with, in minor units. */
const shown = async (slug: string) => {
  const variant = await read(slug);
  return [variant?.price?.minor, variant?.compareAtPrice?.minor];
};

test("a sale is shown with the ordinary price beside it wherever shoppers read, and charged", async (t) => {
  const variantId = await makeLamp("sale-lamp");
  await shopper().listProducts({});
  await shopper().searchProducts({ query: "sale-lamp" });
  const prices = [eur(10_000n), eur(8_000n, { sale: true }), eur(7_000n, { endTime: timestampFromMs(DAY) })];
  const set = await staff().setVariantPrices({ variantId, prices });
  t.deepEqual(
    set.prices?.prices.map(({ price, sale }) => [price?.minor, sale]),
    [
      [10_000n, false],
      [8_000n, true],
      [7_000n, false],
    ],
  );
  t.deepEqual(await shown("sale-lamp"), [8_000n, 10_000n]);
  const listed = (await shopper().listProducts({ pageSize: 100 })).products;
  const [found] = (await shopper().searchProducts({ query: "sale-lamp" })).products;
  for (const it of [listed.find(({ slug }) => slug === "sale-lamp"), found]) {
    t.is(it?.variants[0]?.price?.minor, 8_000n);
    t.is(it?.variants[0]?.compareAtPrice?.minor, 10_000n);
  }
  const { variants } = await order().batchGetVariants({ ids: [variantId] });
  t.like(variants[0], { variant: { price: { minor: 8_000n } }, taxClass: "standard" });
  t.deepEqual(
    variants[0]?.prices.map(({ price }) => price?.minor),
    [10_000n, 8_000n],
    "what has ended does not hold",
  );
});

test("a sale that begins is shown soon, also where the price was remembered, and no longer when it ends", async (t) => {
  const variantId = await makeLamp("soon-lamp", "120.00");
  const soon = () => timestampFromMs(Date.now() + 500);
  const begins = [eur(10_000n), eur(5_000n, { startTime: soon(), sale: true })];
  await staff().setVariantPrices({ variantId, prices: begins });
  await eventually(async () => assert.deepEqual(await shown("soon-lamp"), [5_000n, 10_000n]));
  const ends = [eur(10_000n), eur(5_000n, { endTime: soon(), sale: true })];
  await staff().setVariantPrices({ variantId, prices: ends });
  await eventually(async () => assert.deepEqual(await shown("soon-lamp"), [10_000n, 12_000n]));
  t.pass();
});

test("beside a price that is lower for a time the one before is shown, or what a file gave to compare with", async (t) => {
  const endTime = timestampFromMs(Date.now() + DAY);
  for (const [slug, compareAt, before] of [
    ["timed-lamp", "", 10_000n] as const,
    ["listed-lamp", "120.00", 12_000n] as const,
  ]) {
    const variantId = await makeLamp(slug, compareAt);
    await staff().setVariantPrices({ variantId, prices: [eur(10_000n), eur(8_000n, { endTime })] });
    t.deepEqual(await shown(slug), [8_000n, before]);
    const { variants } = await order().batchGetVariants({ ids: [variantId] });
    t.is(variants[0]?.variant?.compareAtPrice?.minor, before);
  }
});

test("an order is given the prices of its currency and the groups of its customer, by quantity", async (t) => {
  const variantId = await makeLamp("tier-lamp");
  const usd = (minor: bigint, conditions: Price = {}): Price => ({
    price: { minor, currency: "USD" },
    ...conditions,
  });
  const prices = [
    eur(10_000n),
    eur(9_000n, { minQuantity: 10n }),
    eur(6_000n, { customerGroup: "trade" }),
    usd(11_000n),
    usd(9_900n, { minQuantity: 5n }),
  ];
  await staff().setVariantPrices({ variantId, prices });
  const priced = async (currency: string, customerGroups: string[] = []) => {
    const [sale] = (await order().batchGetVariants({ ids: [variantId], currency, customerGroups })).variants;
    const tiers = sale?.prices.map(({ price, minQuantity }) => [price?.currency, price?.minor, minQuantity]);
    return { price: sale?.variant?.price, tiers };
  };
  const inEuros = [
    ["EUR", 10_000n, 0n],
    ["EUR", 9_000n, 10n],
  ];
  t.like(await priced(""), { price: { minor: 10_000n, currency: "EUR" }, tiers: inEuros });
  t.deepEqual((await priced("EUR", ["gold"])).tiers, inEuros);
  t.deepEqual((await priced("EUR", ["gold", "trade"])).tiers, [...inEuros, ["EUR", 6_000n, 0n]]);
  t.like(await priced("USD", ["trade"]), {
    price: { minor: 11_000n, currency: "USD" },
    tiers: [
      ["USD", 11_000n, 0n],
      ["USD", 9_900n, 5n],
    ],
  });
  t.deepEqual((await priced("CHF")).tiers, [], "it cannot be bought in a currency that it has no price in");
  t.deepEqual(await shown("tier-lamp"), [10_000n, undefined], "shoppers see what everyone pays for one");
});

test("prices are refused unless they are whole, distinct, of this time and still those that were read", async (t) => {
  const variantId = await makeLamp("strict-lamp");
  const attempt = (prices: Price[], etag = "") =>
    outcomeOf(staff().setVariantPrices({ variantId, prices, etag }));
  const week = { startTime: timestampFromMs(7 * DAY), endTime: timestampFromMs(DAY) };
  t.is(await attempt([eur(1n, { sale: true })]), "PRICES_INCOMPLETE");
  t.is(await attempt([{ price: { minor: 1n, currency: "USD" } }]), "PRICES_INCOMPLETE");
  t.is(await attempt([eur(1n), eur(2n, { minQuantity: 1n })]), "INVALID_REQUEST");
  t.is(await attempt([eur(1n), { price: { minor: 1n, currency: "QQQ" } }]), "INVALID_REQUEST");
  t.is(await attempt([eur(1n), eur(1n, week)]), "INVALID_REQUEST");
  t.deepEqual(await shown("strict-lamp"), [10_000n, undefined]);
  t.is(await attempt([eur(9_000n)], "1"), "done");
  t.is(await attempt([eur(9_000n)], "1"), "done", "the same again changes nothing");
  t.is(await attempt([eur(8_000n)], "1"), "ETAG_MISMATCH");
  t.deepEqual(await shown("strict-lamp"), [9_000n, undefined]);
  const nobody = { variantId: "0190a000-0000-7000-8000-000000000000", prices: [eur(1n)] };
  t.is(await outcomeOf(staff().setVariantPrices(nobody)), "VARIANT_NOT_FOUND");
});

test("an import changes the ordinary price and leaves the others, and the sale goes on", async (t) => {
  const variantId = await makeLamp("kept-lamp");
  await staff().setVariantPrices({ variantId, prices: [eur(10_000n), eur(5_000n, { sale: true })] });
  const line = "kept-lamp,kept-lamp,Lamps,,,kept-lamp";
  t.like(await importLine(`${line},100.00,,1`), { productsUpdated: 0n, problems: 0n });
  t.like(await importLine(`${line},90.00,,1`), { productsUpdated: 1n });
  t.deepEqual(await shown("kept-lamp"), [5_000n, 9_000n]);
});

test("a price list sets the prices of many variants, all of them or none", async (t) => {
  const [one, two] = [await makeLamp("list-one"), await makeLamp("list-two")];
  const usd: Price = { price: { minor: 11_000n, currency: "USD" } };
  const list = [one, two].map((variantId) => ({ variantId, prices: [eur(9_000n), usd], etag: "" }));
  const [first, second] = list as [(typeof list)[0], (typeof list)[0]];
  const attempt = (variants: typeof list) => outcomeOf(staff().batchSetVariantPrices({ variants }));
  t.is(await attempt([first, { ...second, etag: "7" }]), "ETAG_MISMATCH");
  t.is(await attempt([first, { ...second, prices: [usd] }]), "PRICES_INCOMPLETE");
  t.is(await attempt([first, first]), "INVALID_REQUEST");
  t.deepEqual(await shown("list-one"), [10_000n, undefined]);
  const { prices } = await staff().batchSetVariantPrices({ variants: list });
  t.deepEqual(
    prices.map(({ variantId, etag }) => [variantId, etag]),
    [
      [one, "2"],
      [two, "2"],
    ],
  );
  t.deepEqual(
    await staff().batchSetVariantPrices({ variants: list }),
    await staff().batchSetVariantPrices({ variants: list }),
  );
  t.deepEqual(await shown("list-two"), [9_000n, undefined]);
  const { variants } = await order().batchGetVariants({ ids: [one, two], currency: "USD" });
  t.deepEqual(
    variants.map(({ variant }) => variant?.price?.minor),
    [11_000n, 11_000n],
  );
});

test("many prices are set, and many products listed, in as many statements as one", async (t) => {
  const shop = await openShop(t);
  await shop.import(
    Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`lamp-${at}`, { variants: [{}, {}] }])),
  );
  const everything = {
    state: ProductState.UNSPECIFIED,
    categorySlug: "",
    query: "lamp",
    pageSize: 100,
    pageToken: "",
  };
  const { products } = await listProductsForStaff(shop.db, everything);
  const ids = products.flatMap(({ variants }) => variants.map(({ id }) => id));
  const dollars = unconditional(500n, "USD");
  const set = (variantIds: string[], minor: bigint) => {
    const prices = [unconditional(minor, "EUR"), dollars];
    const wanted = variantIds.map((variantId) => ({ variantId, prices, etag: "" }));
    return shop.countStatements(() => setVariantPrices(shop.db, shop.scope(), wanted));
  };
  t.is(await set(ids, 100n), await set(ids.slice(0, 1), 200n));
  t.is(await shop.countStatements(() => listProductsForStaff(shop.db, everything)), 1);
  t.is(await shop.countStatements(() => getProductForStaff(shop.db, products[0]?.id as string)), 2);
});
