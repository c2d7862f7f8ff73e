import { type RawBuilder, sql } from "kysely";
import { uuidv7 } from "uuidv7";
import { violates } from "#kit/data/failure.ts";
import type { Scope } from "#kit/scope.ts";
import type { InventoryDatabase, InventorySql, InventoryTransaction } from "./database.ts";
import type { StockTakeStateName } from "./entities.ts";
import { ErrorReason, refuse } from "./errors.ts";
import { requireKnown } from "./known-variants.ts";
import { requireActive } from "./locations.ts";

/** A count as it is stored, with what its lines add up to. */
export interface StoredStockTake {
  readonly id: string;
  readonly location_id: string;
  readonly state: StockTakeStateName;
  readonly note: string;
  readonly create_time: Date;
  readonly end_time: Date | null;
  readonly counted_variants: bigint;
  readonly difference: bigint;
}

/** A variant in a count. */
export interface StoredStockTakeLine {
  readonly variant_id: string;
  readonly expected: bigint;
  /** Null until it was counted. */
  readonly counted: bigint | null;
}

/** A count to begin. */
export interface NewStockTake {
  readonly locationId: string;
  /** Only these; all that lie at the location when empty. */
  readonly variantIds: readonly string[];
  readonly note: string;
}

/**
 * Begins a count. The transaction keeps the answer under the call's idempotency key, so the caller makes the answer.
 *
 * @param db inventory's database
 * @param scope the call
 * @param begun what to count
 * @param answer makes the answer of the count as begun
 * @throws SoukError LOCATION_NOT_FOUND, LOCATION_INACTIVE, VARIANT_NOT_FOUND, STOCK_TAKE_OPEN
 */
export async function startStockTake<R>(
  db: InventoryDatabase,
  scope: Scope,
  { locationId, variantIds, note }: NewStockTake,
  answer: (stockTake: StoredStockTake) => R,
): Promise<R> {
  const id = uuidv7();
  const write = db.write(scope, async (tx) => {
    await requireActive(tx, [locationId]);
    await requireKnown(tx, variantIds);
    await tx.sql
      .insertInto("stock_take")
      .values({ id, location_id: locationId, state: "OPEN", note, end_time: null })
      .execute();
    await sql`
      insert into stock_take_line (stock_take_id, variant_id, expected)
      select ${id}::uuid, variant_id, available + reserved
      from location_level where location_id = ${locationId}::uuid and available + reserved > 0
        and ${variantIds.length === 0}
      union all
      select distinct ${id}::uuid, it.variant_id, coalesce(available + reserved, 0)
      from unnest(${variantIds}::uuid[]) as it (variant_id) left join location_level as level
        on level.variant_id = it.variant_id and location_id = ${locationId}::uuid
    `.execute(tx.sql);
    return answer(await requireStockTake(tx.sql, id));
  });
  return write.catch((error: unknown) => {
    throw violates(error, "stock_take_open") ? alreadyOpen(locationId) : error;
  });
}

/**
 * Notes how many were counted. The number counts as of now: what moves from now on is not part of a difference. Noted
 * again, the same number stays as it was first noted.
 *
 * @param db inventory's database
 * @param scope the call
 * @param id the count
 * @param counted the numbers; the last of a variant counts
 * @returns the count as noted
 * @throws SoukError STOCK_TAKE_NOT_FOUND, STOCK_TAKE_ENDED or VARIANT_NOT_FOUND
 */
export function recordCount(
  db: InventoryDatabase,
  scope: Scope,
  id: string,
  counted: readonly { variantId: string; quantity: bigint }[],
): Promise<StoredStockTake> {
  const numbers = new Map(counted.map(({ variantId, quantity }) => [variantId.toLowerCase(), quantity]));
  return db.write(scope, async (tx) => {
    const { state, location_id } = await lockStockTake(tx, id);
    if (state !== "OPEN") throw refuseEnded(id, state);
    await requireKnown(tx, [...numbers.keys()]);
    await sql`
      insert into stock_take_line as line (stock_take_id, variant_id, expected, counted)
      select ${id}::uuid, it.variant_id, coalesce(available + reserved, 0), it.counted
      from unnest(${[...numbers.keys()]}::uuid[], ${[...numbers.values()]}::bigint[]) as it (variant_id, counted)
      left join location_level as level
        on level.variant_id = it.variant_id and location_id = ${location_id}::uuid
      on conflict (stock_take_id, variant_id) do update
        set expected = excluded.expected, counted = excluded.counted
        where line.counted is distinct from excluded.counted
    `.execute(tx.sql);
    return requireStockTake(tx.sql, id);
  });
}

/**
 * Ends a count without a change. One that was cancelled already stays as it is.
 *
 * @param db inventory's database
 * @param scope the call
 * @param id the count
 * @throws SoukError STOCK_TAKE_NOT_FOUND, or STOCK_TAKE_ENDED when it was completed
 */
export function cancelStockTake(db: InventoryDatabase, scope: Scope, id: string): Promise<StoredStockTake> {
  return db.write(scope, async (tx) => {
    const { state } = await lockStockTake(tx, id);
    if (state === "COMPLETED") throw refuseEnded(id, state);
    if (state === "OPEN") await endStockTake(tx, id, "CANCELLED");
    return requireStockTake(tx.sql, id);
  });
}

/**
 * A count that nobody else changes until the transaction ends.
 *
 * @param tx the transaction
 * @param id the count
 * @throws SoukError STOCK_TAKE_NOT_FOUND
 */
export async function lockStockTake(tx: InventoryTransaction, id: string) {
  const row = await tx.sql
    .selectFrom("stock_take")
    .select(["state", "location_id"])
    .where("id", "=", id)
    .forUpdate()
    .executeTakeFirst();
  if (row === undefined) throw notFound(id);
  return row;
}

/**
 * Ends a count.
 *
 * @param tx the transaction, in which lockStockTake locked it
 * @param id the count
 * @param state how it ended
 */
export async function endStockTake(
  tx: InventoryTransaction,
  id: string,
  state: "COMPLETED" | "CANCELLED",
): Promise<void> {
  await tx.sql
    .updateTable("stock_take")
    .set({ state, end_time: sql<Date>`now()` })
    .where("id", "=", id)
    .execute();
}

/**
 * A count.
 *
 * @param db where to read
 * @param id the count
 * @throws SoukError STOCK_TAKE_NOT_FOUND
 */
export async function requireStockTake(db: InventorySql, id: string): Promise<StoredStockTake> {
  const found = await selectStockTakes(db).where("id", "=", id).executeTakeFirst();
  if (found === undefined) throw notFound(id);
  return found;
}

/**
 * Counts, the newest first.
 *
 * @param db where to read
 * @param filter which ones
 * @param limit how many at most
 * @param before the count after which to go on; from the newest when left out
 */
export async function listStockTakes(
  db: InventorySql,
  { locationId, state }: { readonly locationId?: string; readonly state?: StockTakeStateName },
  limit: number,
  before?: string,
): Promise<StoredStockTake[]> {
  // Ids are made in the order of time.
  return selectStockTakes(db)
    .$if(locationId !== undefined, (query) => query.where("location_id", "=", locationId as string))
    .$if(state !== undefined, (query) => query.where("state", "=", state as StockTakeStateName))
    .$if(before !== undefined, (query) => query.where("id", "<", before as string))
    .orderBy("id", "desc")
    .limit(limit)
    .execute();
}

/**
 * The variants of a count, in the order of their ids.
 *
 * @param db where to read
 * @param id the count
 * @param limit how many at most
 * @param after the variant after which to go on; from the first when left out
 */
export async function listStockTakeLines(
  db: InventorySql,
  id: string,
  limit: number,
  after?: string,
): Promise<StoredStockTakeLine[]> {
  return db
    .selectFrom("stock_take_line")
    .select(["variant_id", "expected", "counted"])
    .where("stock_take_id", "=", id)
    .$if(after !== undefined, (query) => query.where("variant_id", ">", after as string))
    .orderBy("variant_id")
    .limit(limit)
    .execute();
}

function selectStockTakes(db: InventorySql) {
  const ofLines = (sum: RawBuilder<unknown>) =>
    sql<bigint>`(
      select coalesce(${sum}, 0)::bigint from stock_take_line where stock_take_id = stock_take.id and counted is not null
    )`;
  return db
    .selectFrom("stock_take")
    .selectAll()
    .select([
      ofLines(sql`count(*)`).as("counted_variants"),
      ofLines(sql`sum(counted - expected)`).as("difference"),
    ]);
}

/** The refusal of what can only be done with a count that is open. */
export function refuseEnded(id: string, state: StockTakeStateName) {
  return refuse(
    ErrorReason.STOCK_TAKE_ENDED,
    `stock-take ${id} is ${state.toLowerCase()} already; start another one`,
    { metadata: { stock_take_id: id, state } },
  );
}

function notFound(id: string) {
  return refuse(
    ErrorReason.STOCK_TAKE_NOT_FOUND,
    `there is no stock-take ${id}; list the stock-takes to see which there are`,
    { metadata: { stock_take_id: id } },
  );
}

function alreadyOpen(locationId: string) {
  return refuse(
    ErrorReason.STOCK_TAKE_OPEN,
    `a stock-take at location ${locationId} is open; complete or cancel it first`,
    { metadata: { location_id: locationId } },
  );
}
