import { sql } from "kysely";
import type { InventorySql } from "./database.ts";

/** How much there is of a variant. */
export interface Level {
  readonly variantId: string;
  /** How many can be sold now: those at locations that ship; none while orders wait, which get them first. */
  readonly available: bigint;
  /** How many are set aside for orders. */
  readonly reserved: bigint;
  /** How many lie at the locations, set aside or not, for sale or not. */
  readonly onHand: bigint;
  /** How many are on the way from one location to another. */
  readonly inTransit: bigint;
  /** Whether more can be sold than are available. */
  readonly backOrderable: boolean;
  /** How many more; undefined for any number. */
  readonly backOrdersLeft: bigint | undefined;
}

/** How much there is of a variant at a location. */
export interface LocationLevel {
  readonly locationId: string;
  readonly available: bigint;
  readonly reserved: bigint;
  /** How many are on the way to it. */
  readonly incoming: bigint;
}

/** How much there is of a variant, and where, as those may know who read the inventory. */
export interface DetailedLevel extends Level {
  /** The merchant's number; empty where product has not told of it, or not of its number. */
  readonly sku: string;
  /** How many were sold that are yet to come. */
  readonly backOrdered: bigint;
  /** From how many down that are not set aside, wherever they lie, the level is low; 0 for never. */
  readonly lowStockThreshold: bigint;
  /** Where it lies or goes to, in the order of the locations' ids. */
  readonly locations: readonly LocationLevel[];
}

interface LevelRow {
  readonly variant_id: string;
  readonly sku: string;
  readonly available: bigint;
  readonly reserved: bigint;
  readonly on_hand: bigint;
  readonly in_transit: bigint;
  readonly back_ordered: bigint;
  readonly back_orderable: boolean;
  readonly back_orders_left: bigint | null;
  readonly low_stock_threshold: bigint;
}

/**
 * The levels of some variants, in the order asked for; 0 for those that were never stocked.
 *
 * @param db where to read
 * @param variantIds may repeat
 */
export async function getStock(db: InventorySql, variantIds: readonly string[]): Promise<Level[]> {
  const levels = await readLevels(db, variantIds);
  // The server writes ids in lower case, callers need not.
  return variantIds.map((variantId) => toLevel(variantId, levels.get(variantId.toLowerCase())));
}

/**
 * The levels of some variants with their locations, in the order asked for; 0 for those that were never stocked.
 *
 * @param db where to read
 * @param variantIds may repeat
 */
export async function getDetailedStock(
  db: InventorySql,
  variantIds: readonly string[],
): Promise<DetailedLevel[]> {
  const [levels, places] = await Promise.all([readLevels(db, variantIds), readPlaces(db, variantIds)]);
  return variantIds.map((variantId) => {
    const id = variantId.toLowerCase();
    const row = levels.get(id);
    return {
      ...toLevel(variantId, row),
      sku: row?.sku ?? "",
      backOrdered: row?.back_ordered ?? 0n,
      lowStockThreshold: row?.low_stock_threshold ?? 0n,
      locations: places.get(id) ?? [],
    };
  });
}

function toLevel(variantId: string, row: LevelRow | undefined): Level {
  return {
    variantId,
    available: row?.available ?? 0n,
    reserved: row?.reserved ?? 0n,
    onHand: row?.on_hand ?? 0n,
    inTransit: row?.in_transit ?? 0n,
    backOrderable: row?.back_orderable ?? false,
    backOrdersLeft: row === undefined ? 0n : (row.back_orders_left ?? undefined),
  };
}

/** What is available is what reserveStock would take, and reckoned when it is read, for locations begin and end to ship. */
async function readLevels(
  db: InventorySql,
  variantIds: readonly string[],
): Promise<ReadonlyMap<string, LevelRow>> {
  const { rows } = await sql<LevelRow>`
    select variant_id, sku, reserved, available + reserved as on_hand, back_ordered, back_orderable, low_stock_threshold,
      case when back_ordered > 0 then 0 else coalesce((
        select sum(level.available) from location_level as level
        where level.variant_id = stock_level.variant_id
          and location_id = any (array(select id from location where active and ships))
      ), 0)::bigint end as available,
      case when not back_orderable then 0
        when back_order_limit > 0 then greatest(back_order_limit - back_ordered, 0) end as back_orders_left,
      coalesce((
        select sum(in_transit) from transfer_line
        where transfer_line.variant_id = stock_level.variant_id and in_transit > 0
      ), 0)::bigint as in_transit
    from stock_level where variant_id = any (${variantIds}::uuid[])
  `.execute(db);
  return new Map(rows.map((row) => [row.variant_id, row]));
}

async function readPlaces(
  db: InventorySql,
  variantIds: readonly string[],
): Promise<ReadonlyMap<string, LocationLevel[]>> {
  const { rows } = await sql<{ variant_id: string } & LocationLevel>`
    select variant_id, location_id as "locationId", sum(available)::bigint as available,
      sum(reserved)::bigint as reserved, sum(incoming)::bigint as incoming
    from (
      select variant_id, location_id, available, reserved, 0 as incoming
      from location_level where variant_id = any (${variantIds}::uuid[])
      union all
      select variant_id, to_location_id, 0, 0, in_transit
      from transfer_line join transfer on transfer.id = transfer_id
      where variant_id = any (${variantIds}::uuid[]) and in_transit > 0
    ) as it
    group by variant_id, location_id order by variant_id, location_id
  `.execute(db);
  const places = new Map<string, LocationLevel[]>();
  for (const { variant_id, ...place } of rows) {
    const known = places.get(variant_id);
    if (known === undefined) places.set(variant_id, [place]);
    else known.push(place);
  }
  return places;
}
