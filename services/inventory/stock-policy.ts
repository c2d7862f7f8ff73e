import { sql } from "kysely";
import type { Scope } from "#kit/scope.ts";
import type { InventoryDatabase } from "./database.ts";
import { type DetailedLevel, getDetailedStock } from "./get-stock.ts";
import { requireKnown } from "./known-variants.ts";
import { lockStock } from "./move-stock.ts";

/** How a variant is sold and watched. */
export interface StockPolicy {
  /** Whether more may be sold than are available. */
  readonly backOrderable: boolean;
  /** How many more at most; 0 for any number. */
  readonly backOrderLimit: bigint;
  /** From how many down that are not set aside, wherever they lie, the level is low; 0 for never. */
  readonly lowStockThreshold: bigint;
}

/**
 * Sets the policy of a variant. A level that is low from now on is told, as one that fell is; orders that wait go on
 * waiting.
 *
 * @param db inventory's database
 * @param scope the call
 * @param anyCase the variant
 * @param policy the policy
 * @returns the level under it
 * @throws SoukError VARIANT_NOT_FOUND
 */
export function setStockPolicy(
  db: InventoryDatabase,
  scope: Scope,
  anyCase: string,
  { backOrderable, backOrderLimit, lowStockThreshold }: StockPolicy,
): Promise<DetailedLevel> {
  const variantId = anyCase.toLowerCase();
  return db.write(scope, async (tx) => {
    await requireKnown(tx, [variantId]);
    await lockStock(tx, [{ variantId }]);
    await sql`
      with before as (
        select low from stock_level where variant_id = ${variantId}::uuid
      ), changed as (
        update stock_level
        set back_orderable = ${backOrderable}, back_order_limit = ${backOrderLimit},
          low_stock_threshold = ${lowStockThreshold}
        where variant_id = ${variantId}::uuid
        returning variant_id, available, low_stock_threshold, low
      ), crossed as (
        insert into low_stock_crossing (variant_id, available, threshold)
        select variant_id, available, low_stock_threshold from changed cross join before
        where changed.low and not before.low
      )
      select from changed
    `.execute(tx.sql);
    tx.ring(variantId);
    const [level] = await getDetailedStock(tx.sql, [variantId]);
    return level as DetailedLevel;
  });
}
