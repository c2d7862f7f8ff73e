import type { ExecutionContext } from "ava";
import { pino } from "pino";
import { uuidv7 } from "uuidv7";
import { openDatabase } from "#kit/data/database.ts";
import { SoukError } from "#kit/error.ts";
import { rootScopes } from "#kit/rpc/root-scope.ts";
import type { Scope } from "#kit/scope.ts";
import { adjustStock } from "../../services/inventory/adjust-stock.ts";
import { findDifferences } from "../../services/inventory/check-ledger.ts";
import type { InventoryDatabase } from "../../services/inventory/database.ts";
import { entities } from "../../services/inventory/entities.ts";
import { getStock, type Level } from "../../services/inventory/get-stock.ts";
import { migrations } from "../../services/inventory/migrations/index.ts";
import { reserveStock } from "../../services/inventory/reserve-stock.ts";
import { createMigratedDatabase } from "../migrated-database.ts";
import type { Teardown } from "../stores.ts";
import { makeKnown } from "./inventory-known.ts";

/** Longer than any test. */
const TTL_MS = 600_000;

/** A database of inventory's that no other test knows. */
export interface Stockroom {
  readonly url: string;
  readonly db: InventoryDatabase;
  scope(): Scope;
  /** Makes a new variant that product has told of, of which there is none. */
  known(): Promise<string>;
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
  const { url } = await createMigratedDatabase(t, migrations);
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
    async known() {
      const variantId = uuidv7();
      await makeKnown(db.pool.run, variantId);
      return variantId;
    },
    async stock(...available) {
      const ids = available.map(() => uuidv7());
      await makeKnown(db.pool.run, ...ids);
      for (const [index, variantId] of ids.entries()) {
        const delta = BigInt(available[index] as number);
        await adjustStock(db, scope(), { variantId, delta, note: "for a test" }, () => undefined);
      }
      return ids;
    },
    async reserve(id, lines, ttlMs = TTL_MS) {
      const wanted = Object.entries(lines).map(([variantId, quantity]) => ({
        variantId,
        quantity: BigInt(quantity),
      }));
      return (await reserveStock(db, scope(), { id, lines: wanted, ttlMs })).expireTime;
    },
    async levels(...variantIds) {
      return (await getStock(db.sql, variantIds)).map(({ available, reserved }: Level) => [
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

/** Fails unless the books of stock agree, as the job that audits them sees it. */
export async function auditLedger(t: ExecutionContext, room: Stockroom): Promise<void> {
  t.deepEqual(await findDifferences(room.db, room.scope()), [], "the books of stock differ");
}

/** Runs many things at once and counts how they end. */
export async function tally(works: readonly Promise<unknown>[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const outcome of await Promise.all(works.map(outcomeOf))) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}
