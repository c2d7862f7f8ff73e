import { sql } from "kysely";
import type { InventoryDatabase } from "./database.ts";
import { ErrorReason, refuse } from "./errors.ts";
import { findReservation, refuseReleased } from "./reservation.ts";

/** A number of one variant. */
export interface WantedLine {
  readonly variantId: string;
  /** More than 0. */
  readonly quantity: bigint;
}

/** What is asked for. */
export interface Wanted {
  /** The id that the reservation shall have. */
  readonly id: string;
  /** Lines with the same variant count together. */
  readonly lines: readonly WantedLine[];
  /** How long the stock is set aside unless the reservation is committed, in ms. */
  readonly ttlMs: number;
}

/** A variant of which there is less than is asked for. */
interface Shortage {
  readonly variant_id: string;
  readonly available: bigint;
  readonly requested: bigint;
}

/**
 * Sets stock aside, all of it or none. The same reservation again, after the first or beside it,
 * gets the answer of the first.
 *
 * @returns when the stock is given back unless the reservation is committed
 * @throws SoukError OUT_OF_STOCK for the first variant that lacks, RESERVATION_RELEASED when the
 *   reservation was given back before
 */
export async function reserveStock(db: InventoryDatabase, wanted: Wanted): Promise<Date> {
  const attempt = await tryToReserve(db, wanted);
  if (attempt.made !== undefined) return attempt.made;
  // Who finds too little, or the id taken, may come after a twin whose reservation only a new look shows.
  const known = await findReservation(db, wanted.id);
  if (known === undefined) throw outOfStock(attempt.shortages);
  if (known.state === "RELEASED" || known.expire_time === null) throw refuseReleased(wanted.id);
  return known.expire_time;
}

/**
 * One statement, so that a level stays locked no longer than the server works on it. The levels are
 * locked in the order of their ids, before the reservation: whoever locks both does so in this
 * order, and nobody waits in a circle.
 */
async function tryToReserve(
  db: InventoryDatabase,
  { id, lines, ttlMs }: Wanted,
): Promise<{ made: Date | undefined; shortages: Shortage[] }> {
  const quantities = addUp(lines);
  const variants = sql.val([...quantities.keys()]);
  const { rows } = await sql<{ expire_time: Date | null } & Shortage>`
    with wanted as (
      select variant_id, quantity
      from unnest(${variants}::uuid[], ${[...quantities.values()]}::bigint[]) as it (variant_id, quantity)
    ), locked as (
      select variant_id, available from stock_level
      where variant_id = any (${variants}::uuid[])
        and not exists (select from reservation where id = ${id}::uuid)
      order by variant_id for update
    ), lacking as (
      select wanted.variant_id, coalesce(locked.available, 0) as available, wanted.quantity as requested
      from wanted left join locked using (variant_id)
      where coalesce(locked.available, 0) < wanted.quantity
    ), made as (
      insert into reservation (id, state, expire_time)
      select ${id}::uuid, 'HELD', now() + ${ttlMs} * interval '1 millisecond'
      where not exists (select from lacking)
      on conflict (id) do nothing
      returning id, expire_time
    ), taken as (
      select made.id, wanted.variant_id, wanted.quantity from made cross join wanted
    ), lowered as (
      update stock_level
      set available = available - taken.quantity, reserved = reserved + taken.quantity
      from taken where stock_level.variant_id = taken.variant_id
    ), held as (
      insert into reservation_line (reservation_id, variant_id, quantity)
      select id, variant_id, quantity from taken
    ), recorded as (
      insert into stock_movement (variant_id, available_delta, reserved_delta, reason, reference)
      select variant_id, -quantity, quantity, 'RESERVATION', id::text from taken
    )
    select made.expire_time, lacking.*
    from (select) as always left join made on true left join lacking on true
    order by lacking.variant_id
  `.execute(db.sql);
  return { made: rows[0]?.expire_time ?? undefined, shortages: rows };
}

function addUp(lines: readonly WantedLine[]): Map<string, bigint> {
  const quantities = new Map<string, bigint>();
  for (const { variantId, quantity } of lines) {
    const id = variantId.toLowerCase();
    quantities.set(id, (quantities.get(id) ?? 0n) + quantity);
  }
  return quantities;
}

function outOfStock([first, ...others]: readonly Shortage[]) {
  const { variant_id, available, requested } = first as Shortage;
  const more = others.length === 0 ? "" : ` (and of ${others.length} other variants there is too little)`;
  return refuse(
    ErrorReason.OUT_OF_STOCK,
    `only ${available} of variant ${variant_id} are left and ${requested} were asked for${more}; order fewer`,
    { metadata: { variant_id, available: `${available}`, requested: `${requested}` } },
  );
}
