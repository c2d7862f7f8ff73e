import { plannedEachTime } from "#kit/data/planned-each-time.ts";
import type { InventorySql } from "./database.ts";
import { type DetailedLevel, getDetailedStock } from "./get-stock.ts";

/** Which levels are listed. */
export interface StockFilter {
  /** Only variants of which something lies at this location. */
  readonly locationId?: string;
  /** Only levels that are low. */
  readonly low: boolean;
}

/**
 * Levels in the order of variants.
 *
 * @param db where to read
 * @param filter which ones
 * @param limit how many at most
 * @param after the variant after which to go on; from the first when left out
 */
export async function listStock(
  db: InventorySql,
  { locationId, low }: StockFilter,
  limit: number,
  after?: string,
): Promise<DetailedLevel[]> {
  const rows = await db
    .selectFrom("stock_level")
    .modifyFront(plannedEachTime)
    .select("stock_level.variant_id")
    .$if(locationId !== undefined, (query) =>
      query
        .innerJoin("location_level", "location_level.variant_id", "stock_level.variant_id")
        .where("location_level.location_id", "=", locationId as string)
        .where((it) =>
          it.or([it("location_level.available", ">", 0n), it("location_level.reserved", ">", 0n)]),
        ),
    )
    .$if(low, (query) => query.where("low", "=", true))
    .$if(after !== undefined, (query) => query.where("stock_level.variant_id", ">", after as string))
    .orderBy("stock_level.variant_id")
    .limit(limit)
    .execute();
  return getDetailedStock(
    db,
    rows.map(({ variant_id }) => variant_id),
  );
}
