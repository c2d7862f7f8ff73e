import { type RawBuilder, sql } from "kysely";
import type { InventorySql } from "./database.ts";
import type { MovementKindName, ReservationStateName } from "./entities.ts";

/** Which reservations are given back, and why. */
export interface GivingBack {
  /** Selects them, in columns `id` and `version`. */
  readonly due: RawBuilder<{ id: string; version: number }>;
  /** The states from which they may be given back; one that has left them meanwhile is passed over. */
  readonly from: readonly ReservationStateName[];
  readonly kind: MovementKindName;
}

/** What was given back. */
export interface GivenBack {
  /** The reservations, none that were given back before. */
  readonly ids: string[];
  /** The variants whose levels changed. */
  readonly variantIds: string[];
  /** Those of them for which other orders wait. */
  readonly owed: string[];
}

/**
 * Gives the stock of reservations back. One statement that locks as reserving does: the levels in
 * the order of their ids, then the reservations. One whose lines changed meanwhile is passed over; the next
 * statement sees them.
 *
 * @param db where the statement is sent: any connection, or the one of a transaction
 */
export async function giveBackStock(db: InventorySql, { due, from, kind }: GivingBack): Promise<GivenBack> {
  const { rows } = await sql<{ [K in keyof GivenBack]: string[] | null }>`
    with due as materialized (${due}), line as (
      select reservation_id, variant_id, location_id, quantity
      from reservation_line join due on reservation_id = due.id where quantity > 0
    ), waiting as (
      select place, reservation_id, variant_id, quantity from back_order join due on reservation_id = due.id
    ), locked as materialized (
      select variant_id from stock_level
      where variant_id in (select variant_id from line union select variant_id from waiting)
      order by variant_id for update
    ), released as (
      update reservation set state = 'RELEASED', version = reservation.version + 1, update_time = now()
      from due
      where reservation.id = due.id and reservation.version = due.version and state = any (${from}::text[])
        and (select count(*) from locked) >= 0
      returning reservation.id
    ), returned as (
      select line.* from line join released on line.reservation_id = released.id
    ), dropped as (
      delete from back_order using released where reservation_id = released.id returning variant_id, quantity
    ), raised as (
      update location_level as level
      set available = level.available + total.quantity, reserved = level.reserved - total.quantity
      from (
        select variant_id, location_id, sum(quantity)::bigint as quantity
        from returned group by variant_id, location_id
      ) as total
      where level.variant_id = total.variant_id and level.location_id = total.location_id
    ), summed as (
      update stock_level as level
      set available = level.available + total.quantity, reserved = level.reserved - total.quantity,
        back_ordered = level.back_ordered - total.waiting
      from (
        select variant_id, sum(quantity)::bigint as quantity, sum(waiting)::bigint as waiting
        from (
          select variant_id, quantity, 0 as waiting from returned
          union all select variant_id, 0, quantity from dropped
        ) as it group by variant_id
      ) as total
      where level.variant_id = total.variant_id
      returning level.variant_id, level.back_ordered > 0 and level.available > 0 as owed
    ), recorded as (
      insert into stock_movement (variant_id, location_id, available_delta, reserved_delta, kind, reference_id)
      select variant_id, location_id, quantity, -quantity, ${kind}, reservation_id from returned
      order by reservation_id, variant_id, location_id
    )
    select (select array_agg(id::text) from released) as ids,
      (select array_agg(variant_id::text) from summed) as "variantIds",
      (select array_agg(variant_id::text) from summed where owed) as owed
  `.execute(db);
  const { ids, variantIds, owed } = rows[0] ?? {};
  return { ids: ids ?? [], variantIds: variantIds ?? [], owed: owed ?? [] };
}
