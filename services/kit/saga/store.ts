import { randomUUID } from "node:crypto";
import { requireSameRequest } from "../data/idempotency.ts";
import type { FinishingPart } from "../data/finish.ts";
import type { Run } from "../data/kysely.ts";
import type { SoukError } from "../error.ts";
import type { IdempotencyKey, Scope } from "../scope.ts";
import { decodeError, decodeValue, encodeError, encodeValue } from "./codec.ts";
import type { SagaValue } from "./define-saga.ts";

/** How far a saga is. */
export type SagaState = "running" | "compensating" | "succeeded" | "failed";

/** A saga as it is stored. */
export interface StoredSaga {
  readonly id: string;
  readonly name: string;
  readonly state: SagaState;
  /** The index of the step that is to be run, or to be undone. */
  readonly step: number;
  /** How often that was tried. */
  readonly attempts: number;
  /** Forgotten when the saga ends, for it may hold secrets. */
  readonly input: SagaValue;
  readonly data: SagaValue;
  readonly result: SagaValue | undefined;
  readonly error: SoukError | undefined;
  readonly requestId: string;
  readonly traceparent: string | undefined;
  /** Whoever holds it may move the saga. */
  readonly lease: string;
  readonly createTime: Date;
  readonly updateTime: Date;
}

/** What of a saga changes when it moves. */
export interface SagaMove {
  readonly state: SagaState;
  readonly step: number;
  readonly attempts: number;
  readonly data: SagaValue;
  readonly error: SoukError | undefined;
  /** For how long nobody else may move it, in ms. */
  readonly leaseMs: number;
}

/** Thrown where somebody else moves the saga by now. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
}

const COLUMNS =
  "id, name, state, step, attempts, input, data, result, error, request_hash, request_id, traceparent, lease, create_time, update_time";

/**
 * Stores a new saga, leased to us.
 *
 * @param run sends a statement in the transaction that prepares it
 */
export async function insertSaga(
  run: Run,
  saga: { id: string; name: string; input: SagaValue; scope: Scope; leaseMs: number },
): Promise<StoredSaga> {
  const { id, name, input, scope, leaseMs } = saga;
  const key = scope.idempotency;
  const lease = randomUUID();
  await run(
    `insert into mesh.saga (id, name, state, step, input, owner, key, request_hash, request_id, traceparent, lease, lease_until)
     values ($1, $2, 'running', 0, $3, $4, $5, $6, $7, $8, $9, now() + $10 * interval '1 millisecond')`,
    [
      id,
      name,
      encodeValue(input),
      key?.owner ?? null,
      key?.key ?? null,
      key?.requestHash ?? null,
      scope.requestId,
      scope.traceparent ?? null,
      lease,
      leaseMs,
    ],
  );
  const now = new Date();
  return {
    id,
    name,
    state: "running",
    step: 0,
    attempts: 0,
    input,
    data: {},
    result: undefined,
    error: undefined,
    requestId: scope.requestId,
    traceparent: scope.traceparent,
    lease,
    createTime: now,
    updateTime: now,
  };
}

/**
 * The saga that was started under a key.
 *
 * @throws SoukError IDEMPOTENCY_KEY_REUSED when that was another request
 */
export async function findByKey(run: Run, key: IdempotencyKey): Promise<StoredSaga | undefined> {
  const { rows } = await run(`select ${COLUMNS} from mesh.saga where owner = $1 and key = $2`, [key.owner, key.key]);
  if (rows.length === 0) return undefined;
  requireSameRequest(key, rows[0].request_hash);
  return fromRow(rows[0]);
}

/** The saga with an id. */
export async function findById(run: Run, id: string): Promise<StoredSaga | undefined> {
  const { rows } = await run(`select ${COLUMNS} from mesh.saga where id = $1`, [id]);
  return rows.length === 0 ? undefined : fromRow(rows[0]);
}

/**
 * Stores a move and renews the lease.
 *
 * @throws LeaseLost
 */
export async function moveSaga(run: Run, { id, lease }: StoredSaga, move: SagaMove): Promise<void> {
  const { rowCount } = await run(
    `update mesh.saga set state = $3, step = $4, attempts = $5, data = $6, error = $7, update_time = now(),
            lease_until = now() + $8 * interval '1 millisecond'
      where id = $1 and lease = $2`,
    [
      id,
      lease,
      move.state,
      move.step,
      move.attempts,
      encodeValue(move.data),
      move.error === undefined ? null : encodeError(move.error),
      move.leaseMs,
    ],
  );
  if (rowCount === 0) throw new LeaseLost(`saga ${id} is moved by another process`);
}

/**
 * Ends a saga; its input is forgotten.
 *
 * @param run sends a statement in the transaction that ends it
 * @throws LeaseLost
 */
export async function endSaga(run: Run, { id, lease }: StoredSaga, state: "succeeded" | "failed"): Promise<void> {
  const { rowCount } = await run(
    `update mesh.saga set state = $3, input = null, update_time = now() where id = $1 and lease = $2`,
    [id, lease, state],
  );
  if (rowCount === 0) throw new LeaseLost(`saga ${id} is moved by another process`);
}

/** Leases sagas that nobody moves: their process died, or their next attempt is due. */
export async function takeOver(run: Run, leaseMs: number, atMost: number): Promise<StoredSaga[]> {
  const { rows } = await run(
    `update mesh.saga set lease = $1, lease_until = now() + $2 * interval '1 millisecond'
      where id in (select id from mesh.saga where state in ('running', 'compensating') and lease_until < now()
                    order by lease_until limit $3 for update skip locked)
      returning ${COLUMNS}`,
    [randomUUID(), leaseMs, atMost],
  );
  return rows.map(fromRow);
}

/** Gives leases back, so that another process goes on at once. */
export async function releaseLeases(run: Run, leases: readonly string[]): Promise<void> {
  await run("update mesh.saga set lease_until = now() where lease = any($1) and state in ('running', 'compensating')", [
    leases,
  ]);
}

/** A page of sagas, newest first. */
export async function listSagas(
  run: Run,
  filter: { state: SagaState | undefined; before: string | undefined; limit: number },
): Promise<StoredSaga[]> {
  const { rows } = await run(
    `select ${COLUMNS} from mesh.saga
      where ($1::text is null or state = $1) and ($2::uuid is null or id < $2) order by id desc limit $3`,
    [filter.state ?? null, filter.before ?? null, filter.limit],
  );
  return rows.map(fromRow);
}

// biome-ignore lint/suspicious/noExplicitAny: the columns are those of COLUMNS.
function fromRow(row: any): StoredSaga {
  return {
    id: row.id,
    name: row.name,
    state: row.state,
    step: row.step,
    attempts: row.attempts,
    input: decodeValue(row.input) ?? {},
    data: decodeValue(row.data),
    result: row.result === null ? undefined : decodeValue(row.result),
    error: row.error === null ? undefined : decodeError(row.error),
    requestId: row.request_id,
    traceparent: row.traceparent ?? undefined,
    lease: row.lease,
    createTime: row.create_time,
    updateTime: row.update_time,
  };
}

/**
 * Stores what a saga came to, with the end of its last transaction.
 *
 * @param saga the saga
 * @param result what its callers get
 */
export function storeResult({ id }: StoredSaga, result: SagaValue): FinishingPart {
  return (value) => `update mesh.saga set result = ${value(encodeValue(result))} where id = ${value(id)}`;
}
