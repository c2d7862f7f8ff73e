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
  /** A variant that is sold in US dollars. */
  readonly foreignVariantId: string;
}

/**
 * Opens the shelves of a shop; they are filled by importing catalogues, as staff does it.
 *
 * @param shop the shop
 */
export async function openShelves(shop: Shop): Promise<Shelves> {
  const [foreign] = await fill(shop, "USD", 1);
  let full: string[][] = [];
  let filling: Promise<void> | undefined;
  return {
    foreignVariantId: foreign?.[0] as string,
    async take() {
      for (;;) {
        const goods = full.pop();
        if (goods !== undefined) return goods;
        filling ??= fill(shop, "EUR", SHELVES).then((shelves) => {
          full = shelves;
          filling = undefined;
        });
        await filling;
      }
    },
  };
}

async function fill(shop: Shop, currency: string, shelves: number): Promise<string[][]> {
  const batch = randomBytes(6).toString("hex");
  const handles = Array.from({ length: shelves }, (_, index) => `thing-${batch}-${index}`);
  const rows = handles.flatMap((handle) =>
    PRICES.map((price, index) => {
      const product = index === 0 ? "Thing,true,Number" : ",,";
      return `${handle},${product},No ${index},${handle}-${index},${STOCK},${price},${index === 0 ? "active" : ""}`;
    }),
  );
  const chunk = Buffer.from([HEADER, ...rows, ""].join("\n"));
  const admin = shop.call(ProductAdminService, { caller: "operator" });
  for await (const { part } of admin.importProducts(file(chunk, currency))) {
    if (part.case === "problem")
      throw new Error(`the catalogue of the stories is wrong: ${part.value.reason}`);
  }
  return Promise.all(handles.map((handle) => findVariants(shop, handle)));
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

async function* file(chunk: Uint8Array, currency: string) {
  yield { part: { case: "options" as const, value: { currency } } };
  yield { part: { case: "chunk" as const, value: chunk } };
}
