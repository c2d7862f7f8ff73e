import { sql } from "kysely";
import { BackOrderFilledSchema } from "#gen/souk/inventory/v1/events_pb.ts";
import type { Scope } from "#kit/scope.ts";
import type { InventoryDatabase, InventoryTransaction } from "./database.ts";

/** How many variants one transaction of the job fills. */
const BATCH = 100;

/**
 * Gives what is available of variants to the orders that wait for it, the oldest first, and tells of each that got all
 * that it waited for of one. It takes from locations that ship, in the order of their priority.
 *
 * @param tx the transaction, which holds the locks of the variants
 * @param variantIds the variants
 */
export async function fillBackOrders(tx: InventoryTransaction, variantIds: readonly string[]): Promise<void> {
  // Laid side by side, the queue and the stock overlap where a piece of stock meets an order.
  const { rows } = await sql<{ reservation_id: string; has_all: boolean }>`
    with waiting as (
      select place, reservation_id, variant_id, quantity,
        sum(quantity) over (partition by variant_id order by place) - quantity as since,
        sum(quantity) over (partition by variant_id order by place) as until
      from back_order where variant_id = any (${variantIds}::uuid[])
    ), supply as (
      select variant_id, location_id,
        sum(available) over (partition by variant_id order by priority desc, location_id) - available as since,
        sum(available) over (partition by variant_id order by priority desc, location_id) as until
      from location_level join location on location.id = location_id
      where variant_id = any (${variantIds}::uuid[]) and available > 0 and active and ships
    ), filled as materialized (
      select place, reservation_id, variant_id, location_id,
        (least(waiting.until, supply.until) - greatest(waiting.since, supply.since))::bigint as quantity
      from waiting join supply using (variant_id)
      where waiting.since < supply.until and supply.since < waiting.until
    ), lowered as (
      update location_level as level
      set available = level.available - it.quantity, reserved = level.reserved + it.quantity
      from (
        select variant_id, location_id, sum(quantity)::bigint as quantity from filled group by variant_id, location_id
      ) as it
      where level.variant_id = it.variant_id and level.location_id = it.location_id
    ), summed as (
      update stock_level as level
      set available = level.available - it.quantity, reserved = level.reserved + it.quantity,
        back_ordered = level.back_ordered - it.quantity
      from (select variant_id, sum(quantity)::bigint as quantity from filled group by variant_id) as it
      where level.variant_id = it.variant_id
    ), shortened as (
      update back_order set quantity = back_order.quantity - it.quantity
      from (select place, sum(quantity)::bigint as quantity from filled group by place) as it
      where back_order.place = it.place and back_order.quantity > it.quantity
    ), ended as (
      delete from back_order
      using (select place, sum(quantity)::bigint as quantity from filled group by place) as it
      where back_order.place = it.place and back_order.quantity = it.quantity
      returning back_order.reservation_id
    ), held as (
      insert into reservation_line as line (reservation_id, variant_id, location_id, quantity)
      select reservation_id, variant_id, location_id, quantity from filled
      on conflict (reservation_id, variant_id, location_id) do update set quantity = line.quantity + excluded.quantity
    ), recorded as (
      insert into stock_movement (variant_id, location_id, available_delta, reserved_delta, kind, reference_id)
      select variant_id, location_id, -quantity, quantity, 'RESERVATION', reservation_id from filled
      order by place, location_id
    ), locked as materialized (
      select id from reservation where id in (select reservation_id from filled) order by id for update
    )
    update reservation set version = version + 1, update_time = now()
    from locked where reservation.id = locked.id
    returning reservation.id as reservation_id, reservation.id in (select reservation_id from ended) as has_all
  `.execute(tx.sql);
  for (const variantId of variantIds) tx.ring(variantId);
  await tellFilled(
    tx,
    rows.filter(({ has_all }) => has_all).map((row) => row.reservation_id),
  );
}

/**
 * Tells that reservations got all that they waited for of a variant, and what they still wait for.
 *
 * @param tx the transaction in which they did
 * @param reservationIds the reservations
 */
export async function tellFilled(tx: InventoryTransaction, reservationIds: readonly string[]): Promise<void> {
  if (reservationIds.length === 0) return;
  const { rows } = await sql<{ id: string; version: number; waiting: string[] }>`
    select id, version, array(
      select variant_id::text from back_order where reservation_id = reservation.id order by variant_id
    ) as waiting
    from reservation where id = any (${reservationIds}::uuid[])
  `.execute(tx.sql);
  for (const { id: reservationId, version, waiting: waitingVariantIds } of rows)
    tx.emit(BackOrderFilledSchema, { reservationId, version, waitingVariantIds });
}

/**
 * Fills what waits although there is stock, as after a release whose process died before it came so far, or after
 * a location began to ship.
 *
 * @param db inventory's database
 * @param scope the run
 * @param variantIds only these variants; all when left out
 */
export async function fillWaiting(
  db: InventoryDatabase,
  scope: Scope,
  variantIds?: readonly string[],
): Promise<void> {
  for (;;) {
    const filled = await db.write(scope, async (tx) => {
      const { rows } = await sql<{ variant_id: string }>`
        select variant_id from stock_level
        where back_ordered > 0 and available > 0
          and (${variantIds ?? null}::uuid[] is null or variant_id = any (${variantIds ?? null}::uuid[]))
          and exists (
            select from location_level join location on location.id = location_id
            where location_level.variant_id = stock_level.variant_id and location_level.available > 0
              and active and ships
          )
        order by variant_id limit ${BATCH} for update of stock_level
      `.execute(tx.sql);
      if (rows.length === 0) return 0;
      await fillBackOrders(
        tx,
        rows.map(({ variant_id }) => variant_id),
      );
      return rows.length;
    });
    if (filled < BATCH) return;
    scope.signal.throwIfAborted();
  }
}
