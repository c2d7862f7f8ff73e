import { create } from "@bufbuild/protobuf";
import { defineEntity, p } from "@mikro-orm/postgresql";
import { pino } from "pino";
import { OperationsService, SetLogLevelResponseSchema } from "#gen/souk/mesh/v1/operations_pb.ts";
import { type Database, openDatabase, type Transaction } from "#kit/data/database.ts";
import { meshMigrations } from "#kit/data/mesh-schema.ts";
import type { Migrations } from "#kit/data/migrations.ts";
import { type RootScope, rootScopes } from "#kit/rpc/root-scope.ts";
import type { IdempotencyKey, Scope } from "#kit/scope.ts";
import { createMigratedDatabase } from "../migrated-database.ts";
import type { Teardown } from "../stores.ts";

/** A counter that transactions change. */
export const counter = defineEntity({
  name: "Counter",
  tableName: "counter",
  properties: { id: p.string().primary(), total: p.bigint() },
});

/** Something that happened, in the order in which it did. */
export const note = defineEntity({
  name: "Note",
  tableName: "note",
  properties: { seq: p.bigint().primary().autoincrement(), text: p.string() },
});

/** What the kit's tests keep. */
export const entities = [counter, note] as const;

/** How it came to be. */
export const migrations: Migrations = [
  {
    name: "0001_counter",
    up: "create table counter (id text primary key, total bigint not null check (total >= 0))",
    down: "drop table counter",
  },
  {
    name: "0002_note",
    up: "create table note (seq bigint generated always as identity primary key, text text not null)",
    down: "drop table note",
  },
];

/** The database of the kit's tests. */
export type BenchDatabase = Database<typeof entities>;
/** A transaction of it. */
export type BenchTransaction = Transaction<typeof entities>;

/** Does not say anything. */
export const silent = pino({ level: "silent" });

/** Scopes of work that calls no other service. */
export const rootScope: RootScope = rootScopes(silent, () => {
  throw new Error("the kit's tests call no other service");
});

/** The method whose answers are kept in tests. */
export const method = OperationsService.method.setLogLevel;

/**
 * An answer of that method.
 *
 * @param text what it says
 */
export function answer(text: string) {
  return create(SetLogLevelResponseSchema, { previousLevel: text });
}

/**
 * The scope of a call.
 *
 * @param key its idempotency key; a call without one when left out
 * @param request what it asks for
 * @param timeoutMs how long it may take, in ms
 */
export function callScope(key?: string, request = "", timeoutMs = 30_000): Scope {
  const scope = rootScope({ timeoutMs });
  if (key === undefined) return scope;
  const requestHash = new Uint8Array(32);
  Buffer.from(request).copy(requestHash);
  const idempotency: IdempotencyKey = { owner: "test", key, requestHash, method, kept: false };
  return { ...scope, idempotency };
}

/**
 * Makes a database of the kit's tests that no other test knows.
 *
 * @param t the test after which it is dropped
 * @returns its URL
 */
export async function makeDatabase(t: Teardown): Promise<string> {
  const { url } = await createMigratedDatabase(t, migrations);
  return url;
}

/**
 * Opens a database of the kit's tests.
 *
 * @param t the test after which it is closed
 * @param url where it is
 * @param poolSize how many connections it may have
 */
export function openBench(t: Teardown, url: string, poolSize = 8): BenchDatabase {
  const db = openBenchFor(url, poolSize);
  t.teardown(() => db.close());
  return db;
}

/**
 * Opens a database of the kit's tests, which the caller closes.
 *
 * @param url where it is
 * @param poolSize how many connections it may have
 */
export function openBenchFor(url: string, poolSize = 8): BenchDatabase {
  return openDatabase({
    url,
    entities,
    migrations: [...meshMigrations, ...migrations],
    poolSize,
    applicationName: "kit-test",
    log: silent,
  });
}

/**
 * Adds to a counter, which need not be there.
 *
 * @param tx the transaction
 * @param id the counter
 * @param by how much
 * @returns what it is then
 */
export async function add(tx: BenchTransaction, id: string, by = 1n): Promise<bigint> {
  const { total } = await tx.sql
    .insertInto("counter")
    .values({ id, total: by })
    .onConflict((it) =>
      it.column("id").doUpdateSet(({ eb, ref }) => ({ total: eb(ref("counter.total"), "+", by) })),
    )
    .returning("total")
    .executeTakeFirstOrThrow();
  return total;
}

/**
 * What a counter is.
 *
 * @param db the database
 * @param id the counter
 */
export async function totalOf(db: BenchDatabase, id: string): Promise<bigint> {
  const row = await db.sql.selectFrom("counter").select("total").where("id", "=", id).executeTakeFirst();
  return row?.total ?? 0n;
}
