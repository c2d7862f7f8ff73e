import { randomUUID } from "node:crypto";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type AuditRecorded, AuditRecordedSchema } from "#gen/souk/mesh/v1/audit_pb.ts";
import { AuditResult } from "../audit/entry.ts";
import type { FinishingPart } from "../data/finish.ts";
import { requireSameRequest } from "../data/idempotency.ts";
import type { Run } from "../data/kysely.ts";
import { uuidBefore } from "../data/uuid-before.ts";
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
  /** The record of the call that started it, but for how it ended. */
  readonly audit: AuditRecorded | undefined;
  /** Whoever holds it may move the saga. */
  readonly lease: string;
  /** Until when at least nobody else takes it, in ms since the epoch, by our own clock. */
  readonly leasedUntil: number;
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

  constructor(id: string) {
    super(`saga ${id} is moved by another process`);
  }
}

/** The constraint that the end of a saga breaks when somebody else moves it by now. */
export const LEASE_HELD = "saga_lease_held";

const COLUMNS =
  "id, name, state, step, attempts, input, data, result, error, request_hash, request_id, traceparent, audit, lease, create_time, update_time";

/**
 * Makes a saga that is to be stored, leased to us.
 *
 * @param saga its id, the name of its definition, what it starts with, the call, and how long it is ours, in ms
 */
export function newSaga(saga: { id: string; name: string; input: SagaValue; scope: Scope; leaseMs: number }) {
  const { id, name, input, leaseMs } = saga;
  const { requestId, traceparent, audit } = saga.scope;
  const now = new Date();
  const stored: StoredSaga = {
    id,
    name,
    state: "running",
    step: 0,
    attempts: 0,
    input,
    data: {},
    result: undefined,
    error: undefined,
    requestId,
    traceparent,
    audit: audit && create(AuditRecordedSchema, audit.record(AuditResult.UNSPECIFIED, "")),
    lease: randomUUID(),
    leasedUntil: now.getTime() + leaseMs,
    createTime: now,
    updateTime: now,
  };
  return { saga: stored, leaseMs };
}

/**
 * Stores a new saga with the end of the transaction that prepares it.
 *
 * @param fresh the saga
 * @param key the key under which there is one saga
 */
export function insertSaga(
  { saga, leaseMs }: ReturnType<typeof newSaga>,
  key?: IdempotencyKey,
): FinishingPart {
  const { id, name, input, requestId, traceparent, audit, lease } = saga;
  return (value) => {
    const columns = [
      id,
      name,
      encodeValue(input),
      key?.owner,
      key?.key,
      key?.requestHash,
      requestId,
      traceparent,
      audit && toBinary(AuditRecordedSchema, audit),
      lease,
    ];
    return `insert into mesh.saga
      (id, name, input, owner, key, request_hash, request_id, traceparent, audit, lease, state, step, lease_until)
      values (${columns.map((it) => value(it ?? null)).join(", ")}, 'running', 0, ${fromNow(value(leaseMs))})`;
  };
}

/**
 * The saga that was started under a key.
 *
 * @throws SoukError IDEMPOTENCY_KEY_REUSED when that was another request
 */
export async function findByKey(run: Run, key: IdempotencyKey): Promise<StoredSaga | undefined> {
  const { rows } = await run(`select ${COLUMNS} from mesh.saga where owner = $1 and key = $2`, [
    key.owner,
    key.key,
  ]);
  if (rows.length === 0) return undefined;
  requireSameRequest(key, rows[0].request_hash);
  return fromRow(rows[0]);
}

/** Takes its key from a saga that failed, so that another one may have it. */
export async function freeKey(run: Run, { id }: StoredSaga): Promise<void> {
  await run("update mesh.saga set owner = null, key = null where id = $1 and state = 'failed'", [id]);
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
            lease_until = ${fromNow("$8")}
      where id = $1 and lease = $2 and state in ('running', 'compensating')`,
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
  if (rowCount === 0) throw new LeaseLost(id);
}

/**
 * Ends a saga with the end of a transaction; its input is forgotten. Where somebody else moves the saga by now,
 * it breaks the constraint LEASE_HELD, and the transaction with it.
 *
 * @param saga the saga
 * @param ending how it ended, and what it came to
 */
export function endSaga(
  { id, lease }: StoredSaga,
  ending: { state: "succeeded"; result: SagaValue } | { state: "failed"; error: SoukError },
): FinishingPart {
  const result = ending.state === "succeeded" ? encodeValue(ending.result) : null;
  const error = ending.state === "failed" ? encodeError(ending.error) : null;
  return (value) => `update mesh.saga
    set state = case when lease = ${value(lease)} and state in ('running', 'compensating') then ${value(ending.state)} else 'lost' end,
        result = ${value(result)}, error = ${value(error)}, input = null, update_time = now()
    where id = ${value(id)}`;
}

/**
 * Leases sagas that nobody moves: their process died, or their next attempt is due.
 *
 * @param run sends a statement
 * @param names the sagas that are known here
 * @param leaseMs for how long, in ms
 * @param atMost how many at most
 */
export async function takeOver(
  run: Run,
  names: readonly string[],
  leaseMs: number,
  atMost: number,
): Promise<StoredSaga[]> {
  const leasedUntil = Date.now() + leaseMs;
  const { rows } = await run(
    `update mesh.saga set lease = $1, lease_until = ${fromNow("$2")}
      where id in (select id from mesh.saga
                    where state in ('running', 'compensating') and lease_until < now() and name = any($4)
                    order by lease_until limit $3 for update skip locked)
      returning ${COLUMNS}`,
    [randomUUID(), leaseMs, atMost, names],
  );
  return rows.map((row) => ({ ...fromRow(row), leasedUntil }));
}

/** Gives leases back, so that another process goes on at once. */
export async function releaseLeases(run: Run, leases: readonly string[]): Promise<void> {
  await run(
    "update mesh.saga set lease_until = now() where lease = any($1) and state in ('running', 'compensating')",
    [leases],
  );
}

/** A page of sagas, newest first. */
export async function listSagas(
  run: Run,
  filter: { state: SagaState | undefined; before: string | undefined; limit: number },
): Promise<StoredSaga[]> {
  const { rows } = await run(
    `select ${COLUMNS} from mesh.saga
      where ${filter.state === undefined ? "true" : `state = '${filter.state}'`} and ($1::uuid is null or id < $1)
      order by id desc limit $2`,
    [filter.before ?? null, filter.limit],
  );
  return rows.map(fromRow);
}

/** How long it is remembered how a saga ended, in ms. */
const MEMORY_MS = 30 * 24 * 60 * 60 * 1000;

/**
 * Forgets the sagas that ended long ago. Their ids tell when they began.
 *
 * @param run sends a statement
 * @param atMost how many at a time
 * @returns how many were forgotten; when it is as many as asked for, there may be more
 */
export async function forgetSagas(run: Run, atMost: number): Promise<number> {
  const { rowCount } = await run(
    `delete from mesh.saga where ctid = any (array(
       select ctid from mesh.saga where id < $1 and state in ('succeeded', 'failed') order by id limit $2))`,
    [uuidBefore(Date.now() - MEMORY_MS), atMost],
  );
  return rowCount;
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
    audit: row.audit === null ? undefined : fromBinary(AuditRecordedSchema, row.audit),
    lease: row.lease,
    leasedUntil: 0,
    createTime: row.create_time,
    updateTime: row.update_time,
  };
}

function fromNow(ms: string): string {
  return `now() + ${ms} * interval '1 millisecond'`;
}
