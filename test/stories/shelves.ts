import { randomBytes } from "node:crypto";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { ProductAdminService } from "#gen/souk/product/v1/product_admin_pb.ts";
import { ProductService } from "#gen/souk/product/v1/product_pb.ts";
import type { Shop } from "../chaos/shop.ts";
import { eventually } from "../eventually.ts";

/** What the goods of a story cost, as a catalogue writes it. The last two together make shipping free, to the cent. */
export const PRICES = ["7.35", "19.99", "0.01", "49.99"];
/** How much there is of each when a story begins. */
export const STOCK = 6;
/** So many stories find their goods after one import. */
const SHELVES = 25;

const HEADER =
  "Handle,Title,Published,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Qty,Variant Price,Status";

/** Gives each story goods of its own. */
export interface Shelves {
  /** The variants of one story, in the order of PRICES. */
  take(): Promise<string[]>;
}

/**
 * Opens the shelves of a shop; they are filled by importing catalogues, as staff does it.
 *
 * @param shop the shop
 */
export async function openShelves(shop: Shop): Promise<Shelves> {
  let full: string[][] = [];
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

async function fill(shop: Shop): Promise<string[][]> {
  const batch = randomBytes(6).toString("hex");
  const handles = Array.from({ length: SHELVES }, (_, index) => `thing-${batch}-${index}`);
  const rows = handles.flatMap((handle) =>
    PRICES.map((price, index) => {
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
  return Promise.all(
    handles.map(async (handle) => {
      const ids = await findVariants(shop, handle);
      await sellInDollarsToo(shop, ids);
      return ids;
    }),
  );
}

async function findVariants(shop: Shop, handle: string): Promise<string[]> {
  const products = shop.call(ProductService, { accessToken: "" });
  const { product } = await products.getProduct({ by: { case: "slug", value: handle } });
  const ids = product?.variants.map(({ id }) => id) ?? [];
  await eventually(async () => {
    const stockroom = shop.call(InventoryService, { caller: "operator" });
    const { levels } = await stockroom.getStock({ variantIds: ids });
    if (!levels.every(({ available }) => available === BigInt(STOCK)))
      throw new Error(`${handle} is not in stock`);
  }, 30_000);
  return ids;
}

async function sellInDollarsToo(shop: Shop, ids: readonly string[]): Promise<void> {
  const variants = ids.map((variantId, index) => {
    const minor = BigInt((PRICES[index] as string).replace(".", ""));
    const prices = [
      { price: { minor, currency: "EUR" } },
      { price: { minor: inDollars(minor), currency: "USD" } },
    ];
    return { variantId, prices };
  });
  await shop.call(ProductAdminService, { caller: "operator" }).batchSetVariantPrices({ variants });
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
