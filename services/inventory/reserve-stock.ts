import { sql } from "kysely";
import type { Scope } from "#kit/scope.ts";
import { type AllocationOrder, inOrder, proximityTo } from "./allocation.ts";
import type { InventoryDatabase } from "./database.ts";
import { ErrorReason, refuse } from "./errors.ts";
import { type Allocated, findReservation, refuseReleased } from "./reservation.ts";

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
  /** Which locations are taken first; those with the highest priority when left out. */
  readonly order?: AllocationOrder;
  /** The location at which the customer fetches the goods; they are shipped when left out. */
  readonly pickUpLocationId?: string;
}

/** Stock that is set aside. */
export interface Reserved {
  /** When it is given back unless the reservation is committed. */
  readonly expireTime: Date;
  /** Where it is set aside, in the order of variants. */
  readonly allocations: readonly Allocated[];
  /** Of the reservation; grows with each change of it. */
  readonly version: number;
}

/** A variant of which there is less than is asked for. */
interface Shortage {
  readonly variant_id: string;
  readonly available: bigint;
  readonly requested: bigint;
}

type Row = Shortage & {
  readonly expire_time: Date | null;
  readonly version: number | null;
  readonly location_id: string | null;
  readonly quantity: bigint;
};

/**
 * Sets stock aside, all of it or none: at one location where one can serve the whole order, else each line at one
 * that can serve the line, else over several; what is not there is sold on back-order where the variant's policy
 * allows it. The same reservation again, after the first or beside it, gets the answer of the first.
 *
 * @param db inventory's database
 * @param scope the call
 * @param wanted what is asked for
 * @throws SoukError OUT_OF_STOCK for the first variant that lacks, RESERVATION_RELEASED when the
 *   reservation was given back before
 */
export async function reserveStock(db: InventoryDatabase, scope: Scope, wanted: Wanted): Promise<Reserved> {
  const quantities = addUp(wanted.lines);
  const lock = lockLevels([...quantities.keys()]).compile(db.sql);
  const rows = await db.change(scope, reserving(wanted, quantities).compile(db.sql), undefined, lock);
  const { expire_time: expireTime, version } = rows[0] ?? {};
  if (expireTime && version) {
    for (const { variant_id } of rows) db.bell.raise(variant_id);
    return { expireTime, version, allocations: rows.map(toAllocated) };
  }
  const known = await findReservation(db.sql, wanted.id);
  if (known === undefined) throw outOfStock(rows);
  if (known.state === "RELEASED" || known.expireTime === undefined) throw refuseReleased(wanted.id);
  return { expireTime: known.expireTime, version: known.version, allocations: known.allocations };
}

/**
 * The levels are locked in the order of their ids, before the reservation: whoever locks both does so in this order,
 * and nobody waits in a circle. Who holds the level of a variant may change what lies at its locations.
 */
function lockLevels(variantIds: readonly string[]) {
  return sql`
    select from stock_level where variant_id = any (${variantIds}::uuid[]) order by variant_id for update`;
}

/**
 * Decides on what there is and takes it. It must not wait for the levels itself: of the rows for whose lock it waited
 * it would see the newest, of all others what there was when it began. While orders wait for a variant, what comes in
 * is theirs.
 */
function reserving(
  { id, ttlMs, order = { rule: "PRIORITY" }, pickUpLocationId }: Wanted,
  quantities: ReadonlyMap<string, bigint>,
) {
  const variants = sql.val([...quantities.keys()]);
  const pickUp = sql.val(pickUpLocationId ?? null);
  return sql<Row>`
    with wanted as (
      select variant_id, quantity
      from unnest(${variants}::uuid[], ${[...quantities.values()]}::bigint[]) as it (variant_id, quantity)
    ), locked as materialized (
      select variant_id, available, back_ordered, low_stock_threshold,
        case when not back_orderable or ${pickUp}::uuid is not null then 0
          when back_order_limit = 0 then ${MOST_BACK_ORDERED}
          else greatest(back_order_limit - back_ordered, 0) end as orderable
      from stock_level
      where variant_id = any (${variants}::uuid[])
        and not exists (select from reservation where id = ${id}::uuid)
    ), level as materialized (
      select variant_id, location_id, available, priority, ${proximityTo(order)} as proximity,
        active and case when ${pickUp}::uuid is null then ships
          else pick_up and location_id = ${pickUp}::uuid end as serves
      from location_level join location on location.id = location_id
      where variant_id = any (array(select variant_id from locked)) and available > 0
    ), offered as (
      select variant_id, location_id, level.available, wanted.quantity, priority, proximity,
        count(*) filter (where level.available >= wanted.quantity) over here
          = (select count(*) from wanted) as serves_all,
        sum(level.available) over here as stock
      from level join wanted using (variant_id) join locked using (variant_id)
      where serves and back_ordered = 0
      window here as (partition by location_id)
    ), queued as (
      select variant_id, location_id, available, quantity, coalesce(sum(available) over (
        partition by variant_id
        order by serves_all desc, available >= quantity desc, ${inOrder(order)}
        rows between unbounded preceding and 1 preceding
      ), 0)::bigint as before
      from offered
    ), taken as (
      select variant_id, location_id, least(available, quantity - before) as quantity
      from queued where before < quantity
    ), missing as (
      select variant_id, wanted.quantity as requested, coalesce(orderable, 0) as orderable,
        wanted.quantity - coalesce((select sum(quantity) from taken where taken.variant_id = wanted.variant_id), 0)::bigint
          as quantity
      from wanted left join locked using (variant_id)
    ), lacking as (
      select variant_id, requested, requested - quantity + orderable as available
      from missing where quantity > orderable
    ), made as (
      insert into reservation (id, state, expire_time)
      select ${id}::uuid, 'HELD', now() + ${ttlMs} * interval '1 millisecond'
      where not exists (select from lacking)
      on conflict (id) do nothing
      returning id, expire_time, version
    ), line as (
      select made.id, variant_id, location_id, quantity from made cross join taken
    ), waiting as (
      select made.id, variant_id, quantity from made cross join missing where quantity > 0
    ), total as (
      select variant_id, sum(quantity)::bigint as quantity, sum(waiting)::bigint as waiting
      from (
        select variant_id, quantity, 0 as waiting from line union all select variant_id, 0, quantity from waiting
      ) as it group by variant_id
    ), lowered as (
      update location_level as level
      set available = level.available - line.quantity, reserved = level.reserved + line.quantity
      from line where level.variant_id = line.variant_id and level.location_id = line.location_id
    ), summed as (
      update stock_level as level
      set available = level.available - total.quantity, reserved = level.reserved + total.quantity,
        back_ordered = level.back_ordered + total.waiting
      from total where level.variant_id = total.variant_id
    ), held as (
      insert into reservation_line (reservation_id, variant_id, location_id, quantity)
      select id, variant_id, location_id, quantity from line
    ), queued_up as (
      insert into back_order (reservation_id, variant_id, quantity)
      select id, variant_id, quantity from waiting order by variant_id
    ), crossed as (
      insert into low_stock_crossing (variant_id, available, threshold)
      select variant_id, available - quantity, low_stock_threshold from total join locked using (variant_id)
      where available > low_stock_threshold and available - quantity <= low_stock_threshold
        and low_stock_threshold > 0
    ), recorded as (
      insert into stock_movement (variant_id, location_id, available_delta, reserved_delta, kind, reference_id)
      select variant_id, location_id, -quantity, quantity, 'RESERVATION', id from line
    )
    select made.expire_time, made.version, set_aside.location_id, set_aside.quantity,
      coalesce(set_aside.variant_id, lacking.variant_id) as variant_id,
      lacking.available, lacking.requested
    from (select) as always left join made on true left join (
      select variant_id, location_id, quantity from line union all select variant_id, null, quantity from waiting
    ) as set_aside on true left join lacking on true
    order by variant_id, location_id nulls last
  `;
}

/** More than anybody can order. */
const MOST_BACK_ORDERED = sql.lit(1_000_000_000_000);

function addUp(lines: readonly WantedLine[]): Map<string, bigint> {
  const quantities = new Map<string, bigint>();
  for (const { variantId, quantity } of lines) {
    const id = variantId.toLowerCase();
    quantities.set(id, (quantities.get(id) ?? 0n) + quantity);
  }
  return quantities;
}

function toAllocated({ variant_id, location_id, quantity }: Row): Allocated {
  return { variantId: variant_id, locationId: location_id ?? undefined, quantity };
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
