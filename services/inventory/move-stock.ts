import { sql } from "kysely";
import type { InventorySql, InventoryTransaction } from "./database.ts";
import type { MovementKindName } from "./entities.ts";
import { ErrorReason, refuse } from "./errors.ts";
import { fillBackOrders } from "./fill-back-orders.ts";

/** A movement of stock at a place: a line of the ledger to be. */
export interface Move {
  /** In lower case, as all ids here. */
  readonly variantId: string;
  readonly locationId: string;
  /** By how much the available number changes. */
  readonly available: bigint;
  /** By how much the number set aside changes. */
  readonly reserved: bigint;
  readonly kind: MovementKindName;
  /** The kind of reason that staff gave, as the contract names it. */
  readonly reasonCode?: string;
  /** What staff wrote. */
  readonly note?: string;
}

/** What movements of one piece of work have in common. */
export interface Cause {
  /** The order, transfer, return, stock-take or product. */
  readonly referenceId: string | undefined;
  /** Who did it; empty when the shop did on its own. */
  readonly actor: string;
}

/**
 * Locks the levels of variants for the transaction, in the order of their ids, and makes those that are missing,
 * also at the locations named. What is read afterwards stays true until the transaction ends.
 *
 * @param tx the transaction
 * @param places the variants, with locations that may have none of them yet; ids in lower case
 */
export async function lockStock(
  tx: InventoryTransaction,
  places: readonly { variantId: string; locationId?: string | undefined }[],
): Promise<void> {
  // Written as it was, a row is locked also where another transaction made it just now.
  await sql`
    with place as (
      select distinct variant_id, location_id
      from unnest(
        ${places.map(({ variantId }) => variantId)}::uuid[],
        ${places.map(({ locationId }) => locationId ?? null)}::uuid[]
      ) as it (variant_id, location_id)
    ), locked as (
      insert into stock_level (variant_id) select distinct variant_id from place order by variant_id
      on conflict (variant_id) do update set reserved = stock_level.reserved
      returning variant_id
    )
    insert into location_level (variant_id, location_id)
    select variant_id, location_id from place join locked using (variant_id) where location_id is not null
    on conflict do nothing
  `.execute(tx.sql);
}

/** What came out for one variant. */
interface Moved {
  /** How many places had less than was to be taken. */
  readonly lacking: bigint;
  readonly variant_id: string | null;
  /** Whether orders wait for what is available now. */
  readonly owed: boolean | null;
}

/**
 * Moves stock, all of it or none, with a line of the ledger for each movement. What comes in goes to the orders
 * that wait for it first.
 *
 * @param tx the transaction, in which lockStock locked the places
 * @param moves in the order of the ledger
 * @param cause what they have in common
 * @throws SoukError STOCK_TOO_LOW when less than 0 would be available at a place
 */
export async function moveStock(
  tx: InventoryTransaction,
  moves: readonly Move[],
  { referenceId, actor }: Cause,
): Promise<void> {
  if (moves.length === 0) return;
  const { rows } = await sql<Moved>`
    with move as materialized (
      select * from unnest(
        ${moves.map(({ variantId }) => variantId)}::uuid[],
        ${moves.map(({ locationId }) => locationId)}::uuid[],
        ${moves.map(({ available }) => available)}::bigint[],
        ${moves.map(({ reserved }) => reserved)}::bigint[],
        ${moves.map(({ kind }) => kind)}::text[],
        ${moves.map(({ reasonCode = "" }) => reasonCode)}::text[],
        ${moves.map(({ note = "" }) => note)}::text[]
      ) with ordinality as it (variant_id, location_id, available, reserved, kind, reason_code, note, line)
    ), total as (
      select variant_id, location_id, sum(available)::bigint as available, sum(reserved)::bigint as reserved
      from move group by variant_id, location_id
    ), changed as (
      update location_level as level
      set available = level.available + total.available, reserved = level.reserved + total.reserved
      from total
      where level.variant_id = total.variant_id and level.location_id = total.location_id
        and level.available + total.available >= 0 and level.reserved + total.reserved >= 0
      returning level.variant_id, total.available, total.reserved
    ), summed as (
      update stock_level as level
      set available = level.available + it.available, reserved = level.reserved + it.reserved
      from (
        select variant_id, sum(available)::bigint as available, sum(reserved)::bigint as reserved
        from changed group by variant_id
      ) as it
      where level.variant_id = it.variant_id
      returning level.variant_id, level.available, level.available - it.available as before, level.low,
        level.low_stock_threshold, level.back_ordered > 0 and it.available > 0 as owed
    ), crossed as (
      insert into low_stock_crossing (variant_id, available, threshold)
      select variant_id, available, low_stock_threshold from summed
      where low and before > low_stock_threshold order by variant_id
    ), recorded as (
      insert into stock_movement
        (variant_id, location_id, available_delta, reserved_delta, kind, reference_id, reason_code, note, actor)
      select variant_id, location_id, available, reserved, kind, ${referenceId ?? null}::uuid, reason_code, note,
        ${actor}::text
      from move order by line
    )
    select (select count(*) from total) - (select count(*) from changed) as lacking, summed.variant_id, summed.owed
    from (select) as always left join summed on true
  `.execute(tx.sql);
  if (rows[0]?.lacking !== 0n) throw await tooLow(tx.sql, moves);
  for (const { variant_id } of rows) tx.ring(variant_id as string);
  const owed = rows.filter((row) => row.owed).map(({ variant_id }) => variant_id as string);
  if (owed.length > 0) await fillBackOrders(tx, owed);
}

/** Finds, after nothing was moved where there is too little, the first place that lacks. */
async function tooLow(db: InventorySql, moves: readonly Move[]) {
  const totals = new Map<string, Move>();
  for (const move of moves) {
    const key = `${move.variantId} ${move.locationId}`;
    const { available, reserved } = totals.get(key) ?? { available: 0n, reserved: 0n };
    totals.set(key, {
      ...move,
      available: available + move.available,
      reserved: reserved + move.reserved,
    });
  }
  const levels = await db
    .selectFrom("location_level")
    .select(["variant_id", "location_id", "available"])
    .where("variant_id", "=", sql<string>`any(${moves.map(({ variantId }) => variantId)}::uuid[])`)
    .orderBy("variant_id")
    .orderBy("location_id")
    .execute();
  for (const { variant_id, location_id, available } of levels) {
    const total = totals.get(`${variant_id} ${location_id}`);
    // Places that did not lack are changed already, so that what they had is more or less than that.
    if (total === undefined || total.available >= 0n || available + total.available >= 0n) continue;
    return refuse(
      ErrorReason.STOCK_TOO_LOW,
      `only ${available} of variant ${variant_id} are available at location ${location_id}, so ${-total.available} cannot go; take away ${available} at most`,
      {
        metadata: {
          variant_id,
          location_id,
          available: `${available}`,
          requested: `${-total.available}`,
        },
      },
    );
  }
  return new Error("stock that is set aside is missing at its location");
}
