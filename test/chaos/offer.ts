import { randomBytes } from "node:crypto";
import type { DescService } from "@bufbuild/protobuf";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { ProductAdminService } from "#gen/souk/product/v1/product_admin_pb.ts";
import { ProductService } from "#gen/souk/product/v1/product_pb.ts";
import type { MeshClient } from "#kit/mesh/client.ts";
import { eventually } from "../eventually.ts";
import type { Identity } from "../mesh.ts";
import { insist } from "./insist.ts";

const CSV_HEADER =
  "Handle,Title,Published,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Qty,Variant Price,Status";

/** Gives clients that call as somebody. */
export type Call = <S extends DescService>(service: S, identity: Identity) => MeshClient<S>;

/**
 * Puts new variants on sale as staff does it: a file is imported, and inventory hears of what is new.
 *
 * @param call where clients come from
 * @param stock how much there shall be of each
 * @param variants how many
 * @returns their ids, once they are in stock
 */
export async function offer(call: Call, stock: number, variants = 1): Promise<string[]> {
  const handle = `thing-${randomBytes(6).toString("hex")}`;
  const rows = Array.from({ length: variants }, (_, index) => {
    const product = index === 0 ? "Thing,true,Number" : ",,";
    return `${handle},${product},No ${index},${handle}-${index},${stock},60.00,${index === 0 ? "active" : ""}`;
  });
  const chunk = Buffer.from([CSV_HEADER, ...rows, ""].join("\n"));
  const admin = call(ProductAdminService, { caller: "operator" });
  // Imported again, a file changes nothing.
  await insist(async () => {
    for await (const { part } of admin.importProducts(file(chunk))) {
      if (part.case === "problem")
        throw new Error(`the catalogue of the test is wrong: ${part.value.reason}`);
    }
  });
  const { product } = await insist(() =>
    call(ProductService, { accessToken: "" }).getProduct({ by: { case: "slug", value: handle } }),
  );
  const ids = product?.variants.map(({ id }) => id) ?? [];
  const stockroom = call(InventoryService, { caller: "operator" });
  await eventually(async () => {
    const { levels } = await stockroom.getStock({ variantIds: ids });
    const stocked = levels.filter(({ available }) => available === BigInt(stock));
    if (stocked.length < ids.length)
      throw new Error(`${stocked.length} of ${ids.length} variants are in stock`);
  });
  return ids;
}

async function* file(chunk: Uint8Array) {
  yield { part: { case: "options" as const, value: { currency: "EUR" } } };
  yield { part: { case: "chunk" as const, value: chunk } };
}
