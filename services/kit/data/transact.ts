import type { EntityManager } from "@mikro-orm/postgresql";
import type { Dialect, Kysely } from "kysely";
import { AuditRecordedSchema } from "#gen/souk/mesh/v1/audit_pb.ts";
import { MeshReason, refuseMesh, type SoukError, stopped } from "../error.ts";
import type { Scope } from "../scope.ts";
import { countChanges, isStanding, recordToKeep } from "./audit.ts";
import type { Transaction } from "./database.ts";
import { type FinishingPart, joinParts, partOf } from "./finish.ts";
import { claimKey, storeAnswer } from "./idempotency.ts";
import { rememberEvents } from "./inbox.ts";
import { queryBuilder } from "./kysely.ts";
import { type OutgoingEvent, outgoingEvent, storeEvents } from "./outbox.ts";
import type { Entities, Tables } from "./tables.ts";
import type { OpenTransaction } from "./transaction.ts";

/** What became of a unit of work. */
export interface Transacted<R> {
  /** Undefined where the work was refused and its change stands all the same. */
  readonly answer: R | undefined;
  readonly refusal?: SoukError | undefined;
  readonly events: readonly OutgoingEvent[];
  readonly rung: readonly string[];
}

/**
 * Does a unit of work in a transaction and ends that: with the change go the events that tell of it, the record of who
 * made it and the answer that is kept under the idempotency key of the call. Where the key is known, its answer is given.
 *
 * @param connection the transaction
 * @param dialect how statements are built
 * @param entityManagers makes the entity manager of a transaction, for work that asks for one
 * @param scope the work
 * @param work makes the change
 * @throws SoukError IDEMPOTENCY_KEY_REUSED, DEADLINE_EXCEEDED, CALLER_GONE or what the work threw; nothing is done then
 */
export async function transact<E extends Entities, R>(
  { run: send, commit }: OpenTransaction,
  dialect: Dialect,
  entityManagers: (transaction: Kysely<never>) => EntityManager,
  scope: Scope,
  work: (tx: Transaction<E>) => Promise<R>,
): Promise<Transacted<R>> {
  const { idempotency, audit } = scope;
  if (idempotency !== undefined) {
    const stored = await claimKey(send, idempotency);
    if (stored !== undefined) {
      idempotency.kept = true;
      if (audit !== undefined) audit.kept = "end";
      return { answer: stored as R, events: [], rung: [] };
    }
  }
  const counted = audit && countChanges(send);
  const run = counted?.run ?? send;
  const events: OutgoingEvent[] = [];
  const rung: string[] = [];
  const parts: FinishingPart[] = [];
  let em: EntityManager | undefined;
  const sql = queryBuilder<Tables<E>>(dialect, run);
  const within = (own: Scope): Transaction<E> => ({
    sql,
    run,
    get em() {
      em ??= entityManagers(sql as unknown as Kysely<never>);
      return em;
    },
    emit: (schema, init) => {
      events.push(outgoingEvent(schema, init, own));
    },
    remember: (consumer, eventIds) => rememberEvents(run, consumer, eventIds),
    within,
    about: (objectId) => {
      if (own.audit !== undefined) own.audit.objectId = objectId;
    },
    ring: (id) => {
      rung.push(id);
    },
    finishWith: (part) => {
      parts.push(typeof part === "function" ? part : partOf(part));
    },
  });
  let answer: R | undefined;
  let refusal: SoukError | undefined;
  try {
    answer = await work(within(scope));
  } catch (thrown) {
    if (!isStanding(thrown) || idempotency !== undefined) throw thrown;
    refusal = thrown;
  }
  await em?.flush();
  const changed = events.length + parts.length > 0 || counted?.changed() === true;
  const record = recordToKeep(audit, changed, answer, refusal);
  if (record !== undefined) events.push(outgoingEvent(AuditRecordedSchema, record, scope));
  if (idempotency !== undefined) parts.push(storeAnswer(idempotency, answer));
  if (events.length > 0) parts.push(storeEvents(events));
  // Who waits for longer than the deadline was told that it is uncertain; so late, it shall not be done.
  if (Date.now() >= scope.deadline) throw tooLate();
  if (scope.signal.aborted) throw stopped(scope.signal.reason);
  await commit(parts.length > 0 ? joinParts(parts) : undefined);
  if (idempotency !== undefined) idempotency.kept = true;
  if (audit !== undefined && record !== undefined) audit.kept = refusal === undefined ? "change" : "end";
  return { answer, events, rung, refusal };
}

/** The refusal of what would be changed later than its caller can be told. */
export function tooLate() {
  return refuseMesh(
    MeshReason.DEADLINE_EXCEEDED,
    "the time of the call was up before its change was made; nothing was",
  );
}
