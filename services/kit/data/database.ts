import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import type { EntityManager } from "@mikro-orm/postgresql";
import type { CompiledQuery, Kysely } from "kysely";
import { AuditRecordedSchema } from "#gen/souk/mesh/v1/audit_pb.ts";
import { MeshReason, refuseMesh, stopped } from "../error.ts";
import type { Scope } from "../scope.ts";
import { recordToKeep } from "./audit.ts";
import { isCollision } from "./failure.ts";
import { FIRST_PART, type FinishingPart, joinParts, partOf, type Statement } from "./finish.ts";
import { poolDialect, queryBuilder, type Run } from "./kysely.ts";
import type { Migrations } from "./migrations.ts";
import { lazyEntityManagers } from "./orm.ts";
import { type OutgoingEvent, outgoingEvent, storeEventsOf } from "./outbox.ts";
import { openPool, type PoolOptions, type SqlPool, type SqlResult } from "./pool.ts";
import { createSignal, type Signal } from "./signal.ts";
import type { Entities, Tables } from "./tables.ts";
import { tooLate, transact } from "./transact.ts";
import { openTransaction } from "./transaction.ts";

/** A transaction under way. */
export interface Transaction<E extends Entities = Entities> {
  /** Builds and sends statements of the transaction. */
  readonly sql: Kysely<Tables<E>>;
  /** Sends a statement of the transaction that needs no builder. */
  readonly run: Run;
  /** A unit of work in the transaction, flushed before it commits; made on first use. */
  readonly em: EntityManager;
  /**
   * Tells of the change: the event is stored with it and published after it.
   *
   * @param schema an event of the contracts
   * @param init its content
   */
  emit<D extends DescMessage>(schema: D, init: MessageInitShape<D>): void;
  /**
   * Remembers events, so that each takes effect once.
   *
   * @param consumer who heeds them
   * @param eventIds the events
   * @returns those that were not remembered before
   */
  remember(consumer: string, eventIds: readonly string[]): Promise<Set<string>>;
  /**
   * The same transaction for another piece of work: what is told through it carries that one's request id.
   *
   * @param scope the other work
   */
  within(scope: Scope): Transaction<E>;
  /**
   * Names what the change is about, for the record of the call, where neither the request nor what the work
   * returns does.
   *
   * @param objectId its id
   */
  about(objectId: string): void;
  /** Tells who heeds the bell of the database of a thing, once the transaction is committed. */
  ring(id: string): void;
  /** Adds a change to the statement that ends the transaction, so that it costs no round trip. */
  finishWith(part: FinishingPart | CompiledQuery): void;
}

/** The database of one service. */
export interface Database<E extends Entities = Entities> {
  /** Builds and sends single statements, each on any connection. */
  readonly sql: Kysely<Tables<E>>;
  /** The connections underneath. */
  readonly pool: SqlPool;
  /** Rings when events were stored. */
  readonly outbox: Signal<readonly OutgoingEvent[]>;
  /** Tells of what transactions rang for. */
  readonly bell: Signal<string>;
  /**
   * The unit of work: one transaction holds the change, the events that tell of it, the record of who made it and
   * the answer that is kept under the idempotency key of the call. Where the key is known, the answer is replayed
   * instead. What the work throws undoes everything, unless it is a refusal that stands and the call has no key.
   * When nobody waits for it any more, the statement under way is cancelled and everything undone.
   *
   * @param scope the work
   * @param work makes the change; it may be done again when others were in its way, so it touches nothing else
   * @throws SoukError DEPENDENCY_UNAVAILABLE when the database is away, IDEMPOTENCY_KEY_REUSED, DEADLINE_EXCEEDED,
   *   CALLER_GONE
   */
  write<R>(scope: Scope, work: (tx: Transaction<E>) => Promise<R>): Promise<R>;
  /**
   * A unit of work of one statement, which needs no transaction around it. It keeps no idempotency key.
   *
   * @param scope the work
   * @param change an update, insert or delete that returns the rows it made
   * @param tell emits the events that tell of it, and makes changes of its rows; both are stored with it where it
   *   made any
   * @param lock locks rows first, in one transaction and one packet with the change, which sees what it waited for: a
   *   statement that waits for locks itself goes on with what there was before
   * @returns those rows
   * @throws SoukError DEPENDENCY_UNAVAILABLE when the database is away, DEADLINE_EXCEEDED
   */
  change<R>(
    scope: Scope,
    change: CompiledQuery<R>,
    tell?: (tx: ChangeUnderWay) => void,
    lock?: CompiledQuery,
  ): Promise<R[]>;
  /** @throws Error saying what keeps the database from serving: it is away, or lacks migrations */
  check(): Promise<void>;
  close(): Promise<void>;
}

/** A unit of work of one statement. */
export interface ChangeUnderWay extends Pick<Transaction, "emit"> {
  /** By this name, other parts of the statement read the rows that the change made. */
  readonly change: string;
  /** Adds a part that reads them. */
  finishWith(part: FinishingPart): void;
}

/** How to open a database. */
export interface DatabaseOptions<E extends Entities> extends Omit<PoolOptions, "size"> {
  readonly entities: E;
  /** What the schema must have been through. */
  readonly migrations: Migrations;
  /** How many connections at most. */
  readonly poolSize: number;
}

/** How often a transaction is done again when others were in its way. */
const ATTEMPTS = 5;

/**
 * Opens the database of a service. It may be away: connections are made when they are needed.
 *
 * @param options where it is and what is in it
 */
export function openDatabase<E extends Entities>(options: DatabaseOptions<E>): Database<E> {
  const pool = openPool({ ...options, size: options.poolSize });
  const dialect = poolDialect(pool);
  const entityManagers = lazyEntityManagers(dialect, options.entities);
  const outbox = createSignal<readonly OutgoingEvent[]>();
  const bell = createSignal<string>();
  let migrated = false;

  async function attempt<R>(scope: Scope, work: (tx: Transaction<E>) => Promise<R>): Promise<R> {
    const { signal } = scope;
    const connection = openTransaction(await pool.acquire(scope.deadline));
    const cancel = () => connection.cancel();
    signal.addEventListener("abort", cancel, { once: true });
    try {
      if (signal.aborted) throw stopped(signal.reason);
      const { answer, events, rung, refusal } = await transact(
        connection,
        dialect,
        entityManagers,
        scope,
        work,
      );
      if (events.length > 0) outbox.raise(events);
      for (const id of rung) bell.raise(id);
      if (refusal !== undefined) throw refusal;
      return answer as R;
    } catch (error) {
      throw signal.aborted ? stopped(signal.reason) : error;
    } finally {
      signal.removeEventListener("abort", cancel);
      await connection.end();
    }
  }

  async function send(
    { text, values }: Statement,
    { deadline, signal }: Scope,
    lock?: CompiledQuery,
  ): Promise<SqlResult> {
    const connection = await pool.acquire(deadline);
    const transaction = openTransaction(connection);
    const cancel = () => connection.cancel();
    signal.addEventListener("abort", cancel, { once: true });
    try {
      if (Date.now() >= deadline) throw tooLate();
      if (signal.aborted) throw stopped(signal.reason);
      if (lock === undefined) return await connection.run(text, values);
      // None waits for the answer to the one before, so that locks are held no longer than the server works.
      const locked = transaction.run(lock.sql, lock.parameters);
      const changed = transaction.run(text, values);
      return (await Promise.all([locked, changed, transaction.commit()]))[1];
    } catch (error) {
      throw signal.aborted ? stopped(signal.reason) : error;
    } finally {
      signal.removeEventListener("abort", cancel);
      await transaction.end();
    }
  }

  return {
    sql: queryBuilder<Tables<E>>(dialect, (text, values) => pool.run(text, values)),
    pool,
    outbox,
    bell,
    async write(scope, work) {
      if (scope.idempotency?.kept) throw new Error("Only one write of a call can keep its idempotency key.");
      return againstOthers(scope, () => attempt(scope, work));
    },
    async change(scope, change, tell, lock) {
      const events: OutgoingEvent[] = [];
      const parts = [partOf(change)];
      tell?.({
        change: FIRST_PART,
        emit: (schema, init) => events.push(outgoingEvent(schema, init, scope)),
        finishWith: (part) => parts.push(part),
      });
      const { audit } = scope;
      const record = recordToKeep(audit, true, undefined, undefined);
      if (record !== undefined) events.push(outgoingEvent(AuditRecordedSchema, record, scope));
      if (events.length > 0) parts.push(storeEventsOf(events, FIRST_PART));
      if (parts.length > 1) parts.push(() => `select * from ${FIRST_PART}`);
      const statement = joinParts(parts);
      const { rows } = await againstOthers(scope, () => send(statement, scope, lock));
      if (events.length > 0 && rows.length > 0) outbox.raise(events);
      if (audit !== undefined && record !== undefined && rows.length > 0) audit.kept = "change";
      return rows;
    },
    async check() {
      await pool.run("select 1");
      if (migrated) return;
      const pending = await pendingMigrations(pool, options.migrations);
      if (pending.length > 0) throw new Error(`the schema lacks ${pending.join(", ")}; run the migrations`);
      migrated = true;
    },
    close: () => pool.close(),
  };
}

/** Does work again while others were in its way. */
async function againstOthers<R>(scope: Scope, work: () => Promise<R>): Promise<R> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (!isCollision(error)) throw error;
      if (tries === ATTEMPTS || Date.now() >= scope.deadline) throw tooBusy(error);
    }
  }
}

async function pendingMigrations(pool: SqlPool, migrations: Migrations): Promise<string[]> {
  const known = await pool.run("select to_regclass('mesh.migration') is not null as made");
  if (known.rows[0].made !== true) return migrations.map(({ name }) => name);
  const { rows } = await pool.run("select name from mesh.migration");
  const done = new Set(rows.map(({ name }) => name as string));
  return migrations.map(({ name }) => name).filter((name) => !done.has(name));
}

function tooBusy(cause: unknown) {
  return refuseMesh(MeshReason.DEPENDENCY_UNAVAILABLE, "too many others change the same; repeat the call", {
    retryAfterMs: 100,
    cause,
  });
}
