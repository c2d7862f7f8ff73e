import type { ProductChanged } from "#gen/souk/product/v1/events_pb.ts";
import type { InventoryTransaction } from "./database.ts";
import { noteVariants } from "./known-variants.ts";
import { usualLocation } from "./locations.ts";
import { lockStock, moveStock } from "./move-stock.ts";

/**
 * Stocks the variants that are new with a change of a product, at the usual location. The opening of a variant stands
 * in the ledger once, so whatever tells of it again changes nothing. Those that have another number are noted under it.
 *
 * @param product what product told of the change
 * @param tx the transaction of the event
 */
export async function openStock(
  { productId, newVariants, renumberedVariants }: ProductChanged,
  tx: InventoryTransaction,
): Promise<void> {
  await noteVariants(tx, [...newVariants, ...renumberedVariants]);
  if (newVariants.length === 0) return;
  const locationId = await usualLocation(tx.sql);
  const moves = newVariants.map(({ variantId, openingStock }) => ({
    variantId,
    locationId,
    available: openingStock,
    reserved: 0n,
    kind: "OPENING" as const,
  }));
  await lockStock(tx, moves);
  const opened = await tx.sql
    .selectFrom("stock_movement")
    .select("variant_id")
    .where("variant_id", "=", (it) => it.fn.any(it.val(newVariants.map(({ variantId }) => variantId))))
    .where("kind", "=", "OPENING")
    .execute();
  const known = new Set(opened.map(({ variant_id }) => variant_id));
  await moveStock(
    tx,
    moves.filter(({ variantId }) => !known.has(variantId)),
    { referenceId: productId, actor: "" },
  );
}
