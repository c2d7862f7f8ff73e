import { sql } from "kysely";
import type { InventoryDatabase } from "./database.ts";
import { refuseReleased, requireReservation } from "./reservation.ts";

/**
 * Keeps a reservation longer. One that is final is kept anyway.
 *
 * @param db inventory's database
 * @param id the reservation
 * @param ttlMs how long from now on, in ms
 * @returns when it is given back; undefined when it is final
 * @throws SoukError RESERVATION_NOT_FOUND, or RESERVATION_RELEASED when it was given back or its time is up
 */
export async function renewReservation(
  db: InventoryDatabase,
  id: string,
  ttlMs: number,
): Promise<Date | undefined> {
  for (;;) {
    const renewed = await db.sql
      .updateTable("reservation")
      .set({
        expire_time: sql<Date>`now() + ${ttlMs} * interval '1 millisecond'`,
        // An expiry that found it due before passes it over.
        version: sql<number>`version + 1`,
        update_time: sql<Date>`now()`,
      })
      .where("id", "=", id)
      .where("state", "=", "HELD")
      .where("expire_time", ">", sql<Date>`now()`)
      .returning("expire_time")
      .executeTakeFirst();
    if (renewed !== undefined) return renewed.expire_time ?? undefined;
    const { state } = await requireReservation(db.sql, id);
    if (state === "COMMITTED") return undefined;
    // One that is held was made after the first look.
    if (state === "RELEASED") throw refuseReleased(id);
  }
}
