import { sql } from "kysely";
import { VariantPricesChangedSchema } from "#gen/souk/product/v1/events_pb.ts";
import type { Scope } from "#kit/scope.ts";
import type { ProductDatabase } from "../database.ts";
import { lockCatalogue } from "../lock-catalogue.ts";
import { showPrices } from "./show-prices.ts";

/** How many products one transaction takes. */
const BATCH = 100;

/** Shows the prices that have begun and no longer those that have ended, and tells of each that changed with it. */
export async function turnPrices(db: ProductDatabase, scope: Scope): Promise<void> {
  for (;;) {
    const due = await db.sql
      .selectFrom("product")
      .select("id")
      .where("price_turn_time", "<=", sql<Date>`now()`)
      .orderBy("price_turn_time")
      .limit(BATCH)
      .execute();
    if (due.length === 0) return;
    const productIds = due.map(({ id }) => id);
    await db.write(scope, async (tx) => {
      const now = await lockCatalogue(tx);
      for (const change of await showPrices(tx, productIds, now)) tx.emit(VariantPricesChangedSchema, change);
    });
    if (due.length < BATCH) return;
    scope.signal.throwIfAborted();
  }
}
