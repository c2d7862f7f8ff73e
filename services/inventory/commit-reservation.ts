import { sql } from "kysely";
import type { InventoryDatabase } from "./database.ts";
import { refuseReleased, requireReservation } from "./reservation.ts";

/**
 * Makes a reservation final, so that it no longer expires. Again, it changes nothing.
 *
 * @throws SoukError RESERVATION_NOT_FOUND, or RESERVATION_RELEASED when it was given back or its time is up
 */
export async function commitReservation(db: InventoryDatabase, id: string): Promise<void> {
  for (;;) {
    const committed = await db.sql
      .updateTable("reservation")
      .set({ state: "COMMITTED", update_time: sql<Date>`now()` })
      .where("id", "=", id)
      .where("state", "=", "HELD")
      .where("expire_time", ">", sql<Date>`now()`)
      .returning("id")
      .executeTakeFirst();
    if (committed !== undefined) return;
    const { state } = await requireReservation(db.sql, id);
    if (state === "COMMITTED") return;
    // One that is held was made after the first look.
    if (state === "RELEASED") throw refuseReleased(id);
  }
}
