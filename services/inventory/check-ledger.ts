import { sql } from "kysely";
import type { Scope } from "#kit/scope.ts";
import type { InventoryDatabase } from "./database.ts";

/** How many variants one statement checks, which each sees as of one moment. */
const BATCH = 500;

/** A number of the books that differs from what it is the sum of. */
export interface Difference {
  readonly variant_id: string;
  /** Null for the variant as a whole. */
  readonly location_id: string | null;
  /** What differs, for example "available" from its movements. */
  readonly what: string;
  readonly stored: bigint;
  readonly reckoned: bigint;
}

/**
 * Compares, variant by variant, what the books say twice: each location level is the sum of its movements, each level
 * of a variant that of its location levels, what is set aside is what reservations hold, what is on back-order what they
 * wait for, and what left for another location and is not there what transfers have on the way.
 *
 * @param db inventory's database
 * @param scope the run
 * @returns all differences
 */
export async function findDifferences(db: InventoryDatabase, scope: Scope): Promise<Difference[]> {
  const { differences } = await compareFrom(db, scope, null, Number.POSITIVE_INFINITY);
  return differences;
}

/**
 * Compares the books of some variants, in the order of their ids.
 *
 * @param db inventory's database
 * @param scope the run
 * @param after the variant after which to begin; null for the first
 * @param most how many variants at most, in whole batches
 * @returns their differences, and the variant that was compared last; null where no more follow
 */
export async function compareFrom(
  db: InventoryDatabase,
  scope: Scope,
  after: string | null,
  most: number,
): Promise<{ differences: Difference[]; last: string | null }> {
  const differences: Difference[] = [];
  let last = after;
  for (let compared = 0; compared < most; compared += BATCH) {
    scope.signal.throwIfAborted();
    const variants = await nextVariants(db, last);
    differences.push(...(await compare(db, variants)));
    if (variants.length < BATCH) return { differences, last: null };
    last = variants.at(-1) as string;
  }
  return { differences, last };
}

async function nextVariants(db: InventoryDatabase, after: string | null): Promise<string[]> {
  const rows = await db.sql
    .selectFrom("stock_level")
    .select("variant_id")
    .$if(after !== null, (query) => query.where("variant_id", ">", after as string))
    .orderBy("variant_id")
    .limit(BATCH)
    .execute();
  return rows.map(({ variant_id }) => variant_id);
}

/**
 * Compares the books of variants as of one moment.
 *
 * @param db inventory's database
 * @param variants which
 */
export async function compare(db: InventoryDatabase, variants: readonly string[]): Promise<Difference[]> {
  const { rows } = await sql<Difference>`
    with level as (
      select variant_id, location_id, available, reserved
      from location_level where variant_id = any (${variants}::uuid[])
    ), moved as (
      select variant_id, location_id, sum(available_delta) as available, sum(reserved_delta) as reserved,
        sum(available_delta) filter (where kind in ('TRANSFER_OUT', 'TRANSFER_IN')) as transferred
      from stock_movement where variant_id = any (${variants}::uuid[]) group by variant_id, location_id
    ), gone as (
      select variant_id, -sum(transferred) as quantity from moved group by variant_id
    ), travelling as (
      select variant_id, sum(in_transit) as quantity
      from transfer_line where variant_id = any (${variants}::uuid[]) and in_transit > 0 group by variant_id
    ), held as (
      select variant_id, location_id, sum(quantity) as reserved
      from reservation_line join reservation on id = reservation_id
      where variant_id = any (${variants}::uuid[]) and quantity > 0 and state <> 'RELEASED'
      group by variant_id, location_id
    ), total as (
      select variant_id, sum(available) as available, sum(reserved) as reserved from level group by variant_id
    ), waiting as (
      select variant_id, sum(quantity) as quantity
      from back_order where variant_id = any (${variants}::uuid[]) group by variant_id
    ), compared as (
      select variant_id, location_id, 'available at the location, by movements' as what,
        level.available as stored, moved.available as reckoned
      from level full join moved using (variant_id, location_id)
      union all
      select variant_id, location_id, 'reserved at the location, by movements', level.reserved, moved.reserved
      from level full join moved using (variant_id, location_id)
      union all
      select variant_id, location_id, 'reserved at the location, by reservations', level.reserved, held.reserved
      from level full join held using (variant_id, location_id)
      union all
      select variant_id, null, 'available, by locations', stock_level.available, total.available
      from stock_level left join total using (variant_id) where variant_id = any (${variants}::uuid[])
      union all
      select variant_id, null, 'reserved, by locations', stock_level.reserved, total.reserved
      from stock_level left join total using (variant_id) where variant_id = any (${variants}::uuid[])
      union all
      select variant_id, null, 'on back-order, by reservations', stock_level.back_ordered, waiting.quantity
      from stock_level left join waiting using (variant_id) where variant_id = any (${variants}::uuid[])
      union all
      select variant_id, null, 'on the way, by movements', travelling.quantity, gone.quantity
      from travelling full join gone using (variant_id)
    )
    select variant_id, location_id, what, coalesce(stored, 0)::bigint as stored, coalesce(reckoned, 0)::bigint as reckoned
    from compared where coalesce(stored, 0) <> coalesce(reckoned, 0)
    order by variant_id, location_id, what
  `.execute(db.sql);
  return rows;
}
