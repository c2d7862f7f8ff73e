import { type Kysely, type RawBuilder, sql } from "kysely";
import type { Tables } from "#kit/data/tables.ts";
import type { entities, MovementReason, ReservationStateName } from "./entities.ts";

/** Which reservations are given back, and why. */
export interface GivingBack {
  /** Selects their ids, in column `id`. */
  readonly due: RawBuilder<{ id: string }>;
  /** The states from which they may be given back; one that has left them meanwhile is passed over. */
  readonly from: readonly ReservationStateName[];
  readonly reason: MovementReason;
}

/**
 * Gives the stock of reservations back. One statement that locks as reserving does: the levels in
 * the order of their ids, then the reservations.
 *
 * @param db where the statement is sent: any connection, or the one of a transaction
 * @returns the ids of the reservations that were given back, none that were given back before
 */
export async function giveBackStock(
  db: Kysely<Tables<typeof entities>>,
  { due, from, reason }: GivingBack,
): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    with due as materialized (${due}), line as (
      select reservation_id, variant_id, quantity
      from reservation_line join due on reservation_id = due.id
    ), locked as materialized (
      select variant_id from stock_level
      where variant_id in (select variant_id from line)
      order by variant_id for update
    ), released as (
      update reservation set state = 'RELEASED', update_time = now()
      from due
      where reservation.id = due.id and state = any (${from}::text[]) and (select count(*) from locked) >= 0
      returning reservation.id
    ), returned as (
      select line.reservation_id, line.variant_id, line.quantity
      from line join released on line.reservation_id = released.id
    ), raised as (
      update stock_level
      set available = available + total.quantity, reserved = reserved - total.quantity
      from (select variant_id, sum(quantity)::bigint as quantity from returned group by variant_id) as total
      where stock_level.variant_id = total.variant_id
    ), recorded as (
      insert into stock_movement (variant_id, available_delta, reserved_delta, reason, reference)
      select variant_id, quantity, -quantity, ${reason}, reservation_id::text from returned
    )
    select id from released
  `.execute(db);
  return rows.map(({ id }) => id);
}
