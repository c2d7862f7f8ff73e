import { sql } from "kysely";
import type { Scope } from "#kit/scope.ts";
import { bookOnce } from "./book-once.ts";
import type { InventoryDatabase, InventoryTransaction } from "./database.ts";
import { lockStock } from "./move-stock.ts";
import { giveBackSome } from "./reduce-reservation.ts";
import { refuseNotCommitted, requireReservation, type StoredReservation } from "./reservation.ts";
import { addUpPortions, requireHeld } from "./reservation-lines.ts";

/** What becomes of a reservation whose order changed. */
export interface ReservationChange {
  readonly id: string;
  readonly reservationId: string;
  /** Another reservation, whose stock becomes a part of this one. */
  readonly mergedReservationId?: string;
  /** What is given back. */
  readonly lines: readonly { variantId: string; quantity: bigint }[];
}

/**
 * Makes the stock of another reservation a part of a final one and gives some of it back, both or neither, once a
 * change. What either waits for is given back first.
 *
 * @param db inventory's database
 * @param scope the call
 * @param change what becomes of the reservation
 * @returns the reservation as it is now
 * @throws SoukError RESERVATION_NOT_FOUND, RESERVATION_RELEASED, RESERVATION_NOT_COMMITTED or QUANTITY_NOT_RESERVED
 */
export async function changeReservation(
  db: InventoryDatabase,
  scope: Scope,
  { id, reservationId, mergedReservationId: mergedId, lines }: ReservationChange,
): Promise<StoredReservation> {
  const portions = addUpPortions(lines);
  return db.write(scope, async (tx) => {
    if (!(await bookOnce(tx, "CHANGE", id))) return requireReservation(tx.sql, reservationId);
    // Which variants a reservation is of never changes, so they can be read before they are locked.
    const merged = mergedId === undefined ? [] : (await requireReservation(tx.sql, mergedId)).allocations;
    await lockStock(tx, [...portions, ...merged.map(({ variantId }) => ({ variantId }))]);
    if (mergedId !== undefined) await merge(tx, mergedId, reservationId);
    const reservation = await requireHeld(tx, reservationId);
    if (reservation.state !== "COMMITTED") throw refuseNotCommitted(reservationId);
    await giveBackSome(tx, reservation, portions);
    return requireReservation(tx.sql, reservationId);
  });
}

/**
 * Levels stay as they are; the ledger shows that what is set aside is another order's now. What is waited for takes the
 * place in the queue that the reservation has, or a new one.
 */
async function merge(tx: InventoryTransaction, mergedId: string, reservationId: string): Promise<void> {
  await requireHeld(tx, mergedId);
  await sql`
    with line as materialized (
      select variant_id, location_id, quantity from reservation_line
      where reservation_id = ${mergedId}::uuid and quantity > 0
    ), emptied as (
      update reservation_line set quantity = 0 where reservation_id = ${mergedId}::uuid
    ), taken as (
      insert into reservation_line as mine (reservation_id, variant_id, location_id, quantity)
      select ${reservationId}::uuid, variant_id, location_id, quantity from line
      on conflict (reservation_id, variant_id, location_id) do update set quantity = mine.quantity + excluded.quantity
    ), unqueued as (
      delete from back_order where reservation_id = ${mergedId}::uuid returning variant_id, quantity
    ), queued as (
      insert into back_order as mine (reservation_id, variant_id, quantity)
      select ${reservationId}::uuid, variant_id, quantity from unqueued order by variant_id
      on conflict (reservation_id, variant_id) do update set quantity = mine.quantity + excluded.quantity
    ), recorded as (
      insert into stock_movement (variant_id, location_id, available_delta, reserved_delta, kind, reference_id)
      select variant_id, location_id, quantity, -quantity, 'RELEASE', ${mergedId}::uuid from line
      union all
      select variant_id, location_id, -quantity, quantity, 'RESERVATION', ${reservationId}::uuid from line
    ), ended as (
      update reservation set state = 'RELEASED', version = version + 1, update_time = now()
      where id = ${mergedId}::uuid
    )
    update reservation set version = version + 1, update_time = now() where id = ${reservationId}::uuid
  `.execute(tx.sql);
}
