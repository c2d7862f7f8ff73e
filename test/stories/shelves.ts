import { randomBytes } from "node:crypto";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { ProductAdminService } from "#gen/souk/product/v1/product_admin_pb.ts";
import { ProductService } from "#gen/souk/product/v1/product_pb.ts";
import { insist } from "../chaos/insist.ts";
import type { Shop } from "../chaos/shop.ts";
import { eventually } from "../eventually.ts";

/**
 * What the goods of a story cost, as a catalogue writes it, by product. The last one of each together make shipping
 * free, to the cent.
 */
export const PRICES = [["7.35", "19.99", "0.01"], ["49.99"]] as const;
/** How much there is of each when a story begins. */
export const STOCK = 6;
/** So many stories find their goods after one import. */
const SHELVES = 25;

const HEADER =
  "Handle,Title,Published,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Qty,Variant Price,Status";

/** A product of a story: its id, and its variants in the order of its prices. */
export interface Shelved {
  readonly productId: string;
  readonly variantIds: readonly string[];
}

/** Gives each story goods of its own. */
export interface Shelves {
  /** The products of one story, in the order of PRICES. */
  take(): Promise<Shelved[]>;
}

/**
 * Opens the shelves of a shop; they are filled by importing catalogues, as staff does it.
 *
 * @param shop the shop
 */
export async function openShelves(shop: Shop): Promise<Shelves> {
  let full: Shelved[][] = [];
  let filling: Promise<void> | undefined;
  return {
    async take() {
      for (;;) {
        const goods = full.pop();
        if (goods !== undefined) return goods;
        filling ??= fill(shop).then((shelves) => {
          full = shelves;
          filling = undefined;
        });
        await filling;
      }
    },
  };
}

async function fill(shop: Shop): Promise<Shelved[][]> {
  const batch = randomBytes(6).toString("hex");
  const shelves = Array.from({ length: SHELVES }, (_, shelf) =>
    PRICES.map((prices, index) => ({ handle: `thing-${batch}-${shelf}-${index}`, prices })),
  );
  const rows = shelves.flat().flatMap(({ handle, prices }) =>
    prices.map((price, index) => {
      const product = index === 0 ? "Thing,true,Number" : ",,";
      return `${handle},${product},No ${index},${handle}-${index},${STOCK},${price},${index === 0 ? "active" : ""}`;
    }),
  );
  const chunk = Buffer.from([HEADER, ...rows, ""].join("\n"));
  const admin = shop.call(ProductAdminService, { caller: "operator" });
  for await (const { part } of admin.importProducts(file(chunk))) {
    if (part.case === "problem")
      throw new Error(`the catalogue of the stories is wrong: ${part.value.reason}`);
  }
  const filled = await Promise.all(
    shelves.map((products) => Promise.all(products.map(({ handle }) => find(shop, handle)))),
  );
  const ids = filled.flat().flatMap(({ variantIds }) => variantIds);
  await Promise.all([sellInDollarsToo(shop, filled), inStock(shop, ids)]);
  return filled;
}

async function find(shop: Shop, handle: string): Promise<Shelved> {
  const products = shop.call(ProductService, { accessToken: "" });
  // All shelves are asked for at once, which can be more than a slow machine takes.
  const { product } = await insist(() => products.getProduct({ by: { case: "slug", value: handle } }));
  return { productId: product?.id ?? "", variantIds: product?.variants.map(({ id }) => id) ?? [] };
}

/** Waits until inventory has heard of the goods. */
async function inStock(shop: Shop, variantIds: string[]): Promise<void> {
  const stockroom = shop.call(InventoryService, { caller: "operator" });
  await eventually(async () => {
    const { levels } = await stockroom.getStock({ variantIds });
    if (!levels.every(({ available }) => available === BigInt(STOCK)))
      throw new Error("the goods of the stories are not in stock");
  });
}

async function sellInDollarsToo(shop: Shop, shelves: readonly (readonly Shelved[])[]): Promise<void> {
  const variants = shelves.flat().flatMap(({ variantIds }, product) =>
    variantIds.map((variantId, index) => {
      const minor = inEuros(product % PRICES.length, index);
      const prices = [
        { price: { minor, currency: "EUR" } },
        { price: { minor: inDollars(minor), currency: "USD" } },
      ];
      return { variantId, prices };
    }),
  );
  await shop.call(ProductAdminService, { caller: "operator" }).batchSetVariantPrices({ variants });
}

/**
 * What a variant costs, in cents.
 *
 * @param product which product of a story it is of
 * @param index which of its variants it is
 */
export function inEuros(product: number, index: number): bigint {
  return BigInt((PRICES[product]?.[index] ?? "0").replace(".", ""));
}

/**
 * What goods cost in the other currency.
 *
 * @param cents what they cost in euros
 */
export function inDollars(cents: bigint): bigint {
  // 49.99 and 0.01 come to 60.00 together, from which on shipping is free.
  return (cents * 12n + 5n) / 10n;
}

async function* file(chunk: Uint8Array) {
  yield { part: { case: "options" as const, value: { currency: "EUR" } } };
  yield { part: { case: "chunk" as const, value: chunk } };
}
