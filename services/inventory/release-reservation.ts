import { sql } from "kysely";
import type { Scope } from "#kit/scope.ts";
import type { InventoryDatabase } from "./database.ts";
import { fillWaiting } from "./fill-back-orders.ts";
import { giveBackStock } from "./give-back-stock.ts";

/**
 * Gives the stock of a reservation back, held or committed, once. A reservation that was never made
 * is remembered as released, so that one that arrives late is refused. What has left is not given back.
 *
 * @param db inventory's database
 * @param scope the call
 * @param id the reservation
 */
export async function releaseReservation(db: InventoryDatabase, scope: Scope, id: string): Promise<void> {
  const due = sql<{ id: string; version: number }>`
    select id, version from reservation where id = ${id}::uuid
  `;
  for (;;) {
    const given = await giveBackStock(db.sql, { due, from: ["HELD", "COMMITTED"], kind: "RELEASE" });
    for (const variantId of given.variantIds) db.bell.raise(variantId);
    if (given.owed.length > 0) await fillWaiting(db, scope, given.owed);
    if (given.ids.length > 0) return;
    // A reservation that is made or changed just now shows its state here, and the next round gives it back.
    const { state } = await db.sql
      .insertInto("reservation")
      .values({ id, state: "RELEASED", expire_time: null })
      .onConflict((conflict) => conflict.column("id").doUpdateSet({ id }))
      .returning("state")
      .executeTakeFirstOrThrow();
    if (state === "RELEASED") return;
  }
}
