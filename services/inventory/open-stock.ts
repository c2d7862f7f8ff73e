import { sql } from "kysely";
import type { ProductChanged } from "#gen/souk/product/v1/events_pb.ts";
import type { InventoryTransaction } from "./database.ts";

/**
 * Stocks the variants that are new with a change of a product. The opening of a variant stands in
 * the ledger once, so whatever tells of it again changes nothing; what was adjusted before it counts
 * beside it.
 *
 * @param product what product told of the change
 * @param tx the transaction of the event
 */
export async function openStock(
  { productId, newVariants }: ProductChanged,
  tx: InventoryTransaction,
): Promise<void> {
  if (newVariants.length === 0) return;
  await sql`
    with opened as (
      insert into stock_movement (variant_id, available_delta, reserved_delta, reason, reference)
      select variant_id, quantity, 0, 'OPENING', ${productId}
      from unnest(
        ${newVariants.map(({ variantId }) => variantId)}::uuid[],
        ${newVariants.map(({ openingStock }) => openingStock)}::bigint[]
      ) as it (variant_id, quantity)
      order by variant_id
      on conflict (variant_id) where reason = 'OPENING' do nothing
      returning variant_id, available_delta
    )
    insert into stock_level (variant_id, available)
    select variant_id, available_delta from opened order by variant_id
    on conflict (variant_id) do update set available = stock_level.available + excluded.available
  `.execute(tx.sql);
}
