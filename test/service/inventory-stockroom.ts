import type { ExecutionContext } from "ava";
import { pino } from "pino";
import { uuidv7 } from "uuidv7";
import { openDatabase } from "#kit/data/database.ts";
import { migrate } from "#kit/data/migrate.ts";
import { SoukError } from "#kit/error.ts";
import { rootScopes } from "#kit/rpc/root-scope.ts";
import type { Scope } from "#kit/scope.ts";
import { adjustStock } from "../../services/inventory/adjust-stock.ts";
import type { InventoryDatabase } from "../../services/inventory/database.ts";
import { entities } from "../../services/inventory/entities.ts";
import { getStock, type Level } from "../../services/inventory/get-stock.ts";
import { migrations } from "../../services/inventory/migrations/index.ts";
import { reserveStock } from "../../services/inventory/reserve-stock.ts";
import { createDatabase, type Teardown } from "../stores.ts";

/** Longer than any test. */
const TTL_MS = 600_000;

/** A database of inventory's that no other test knows. */
export interface Stockroom {
  readonly url: string;
  readonly db: InventoryDatabase;
  scope(): Scope;
  /** Makes new variants with as many available as given, and gives their ids in order. */
  stock(...available: number[]): Promise<string[]>;
  /** Asks for a number of each variant; again under the same id. */
  reserve(id: string, lines: Readonly<Record<string, number>>, ttlMs?: number): Promise<Date>;
  /** What is available and reserved of each variant. */
  levels(...variantIds: string[]): Promise<[available: number, reserved: number][]>;
  /** Lets the time of a reservation be up. */
  letExpire(...ids: string[]): Promise<void>;
  /** How many statements were sent while something was done. */
  countStatements(work: () => Promise<unknown>): Promise<number>;
}

/** Opens a stockroom. */
export async function openStockroom(t: Teardown): Promise<Stockroom> {
  const { url } = await createDatabase(t);
  await migrate(url, migrations);
  const log = pino({ level: "silent" });
  const db = openDatabase({
    url,
    entities,
    migrations,
    poolSize: 16,
    applicationName: "inventory-test",
    log,
  });
  t.teardown(() => db.close());
  const scopes = rootScopes(log, () => {
    throw new Error("inventory calls no other service");
  });
  const scope = () => scopes({ timeoutMs: 30_000 });
  return {
    url,
    db,
    scope,
    async stock(...available) {
      const ids = available.map(() => uuidv7());
      for (const [index, variantId] of ids.entries()) {
        const delta = BigInt(available[index] as number);
        await adjustStock(db, scope(), { variantId, delta, note: "for a test" }, () => undefined);
      }
      return ids;
    },
    reserve(id, lines, ttlMs = TTL_MS) {
      const wanted = Object.entries(lines).map(([variantId, quantity]) => ({
        variantId,
        quantity: BigInt(quantity),
      }));
      return reserveStock(db, { id, lines: wanted, ttlMs });
    },
    async levels(...variantIds) {
      return (await getStock(db, variantIds)).map(({ available, reserved }: Level) => [
        Number(available),
        Number(reserved),
      ]);
    },
    async letExpire(...ids) {
      await db.pool.run(
        "update reservation set expire_time = now() - interval '1 second' where id = any ($1)",
        [ids],
      );
    },
    async countStatements(work) {
      const before = db.pool.statements();
      await work();
      return db.pool.statements() - before;
    },
  };
}

/** The reason with which something is refused, or "done". */
export async function outcomeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "done";
  } catch (error) {
    if (error instanceof SoukError && error.reason !== "") return error.reason;
    throw error;
  }
}

/** Fails unless every level is the sum of its movements, and all that is reserved is held by a reservation. */
export async function auditLedger(t: ExecutionContext, db: InventoryDatabase): Promise<void> {
  const { rows } = await db.pool.run(`
    with moved as (
      select variant_id, sum(available_delta) as available, sum(reserved_delta) as reserved
      from stock_movement group by variant_id
    ), promised as (
      select variant_id, sum(quantity) as reserved
      from reservation_line join reservation on id = reservation_id
      where state <> 'RELEASED' group by variant_id
    )
    select level.*, moved.available as moved_available, moved.reserved as moved_reserved, promised.reserved as promised
    from stock_level as level full join moved using (variant_id) full join promised using (variant_id)
    where level.available is distinct from moved.available
      or level.reserved is distinct from moved.reserved
      or level.reserved is distinct from coalesce(promised.reserved, 0)
  `);
  t.deepEqual(rows, [], "a level differs from its ledger");
}

/** Runs many things at once and counts how they end. */
export async function tally(works: readonly Promise<unknown>[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const outcome of await Promise.all(works.map(outcomeOf))) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}
