import { sql } from "kysely";
import { StockRanLowSchema } from "#gen/souk/inventory/v1/events_pb.ts";
import type { Scope } from "#kit/scope.ts";
import type { InventoryDatabase } from "./database.ts";

/** How many crossings one transaction tells of. */
const BATCH = 100;

/**
 * Tells of each level that fell to its threshold, once a crossing. The statement that moves stock notes the crossing,
 * so that orders wait for no event.
 *
 * @param db inventory's database
 * @param scope the run
 */
export async function tellLowStock(db: InventoryDatabase, scope: Scope): Promise<void> {
  for (;;) {
    const told = await db.write(scope, async (tx) => {
      const { rows } = await sql<{ variant_id: string; available: bigint; threshold: bigint }>`
        with told as (
          delete from low_stock_crossing where id in (
            select id from low_stock_crossing order by id limit ${BATCH} for update skip locked
          ) returning id, variant_id, available, threshold
        )
        select variant_id, available, threshold from told order by id
      `.execute(tx.sql);
      for (const { variant_id: variantId, available, threshold } of rows) {
        tx.emit(StockRanLowSchema, { variantId, available, threshold });
      }
      return rows.length;
    });
    if (told < BATCH) return;
    scope.signal.throwIfAborted();
  }
}
