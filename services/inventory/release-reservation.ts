import { sql } from "kysely";
import type { InventoryDatabase } from "./database.ts";
import { giveBackStock } from "./give-back-stock.ts";

/**
 * Gives the stock of a reservation back, held or committed, once. A reservation that was never made
 * is remembered as released, so that one that arrives late is refused.
 */
export async function releaseReservation(db: InventoryDatabase, id: string): Promise<void> {
  const due = sql<{ id: string }>`select id from reservation where id = ${id}::uuid`;
  for (;;) {
    const given = await giveBackStock(db.sql, { due, from: ["HELD", "COMMITTED"], reason: "RELEASE" });
    if (given.length > 0) return;
    // A reservation that is made just now shows its state here, and the next round gives it back.
    const { state } = await db.sql
      .insertInto("reservation")
      .values({ id, state: "RELEASED", expire_time: null })
      .onConflict((conflict) => conflict.column("id").doUpdateSet({ id }))
      .returning("state")
      .executeTakeFirstOrThrow();
    if (state === "RELEASED") return;
  }
}
