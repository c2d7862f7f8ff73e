import type { Transaction } from "../data/database.ts";
import type { Entities } from "../data/tables.ts";
import { isRetryable, MeshReason, refuseMesh, type SoukError } from "../error.ts";
import { pause } from "../events/pause.ts";
import type { Scope } from "../scope.ts";
import type { AnySaga, SagaDefinition, SagaValue } from "./define-saga.ts";
import { leaseFor } from "./progress.ts";
import { runSaga, type SagaOutcome, type SagaRunner } from "./run-saga.ts";
import {
  findById,
  findByKey,
  freeKey,
  insertSaga,
  LeaseLost,
  listSagas,
  newSaga,
  releaseLeases,
  type SagaState,
  type StoredSaga,
  takeOver,
} from "./store.ts";

/** The sagas of one service. */
export interface Sagas {
  /**
   * Starts a saga and takes it to its end at once; when this process dies, another one goes on.
   * Under the call's idempotency key there is one saga: who comes again waits for its end, or gets
   * what it came to. One that failed for want of something that may be there again, and is undone, leaves the key
   * to the next call.
   *
   * @param scope the call
   * @param definition the saga; it must be among those of the service
   * @param start its id (UUIDv7), and what prepares it: one transaction holds that and the saga
   * @returns what completing it gave
   * @throws SoukError why it failed; DEADLINE_EXCEEDED when that is not yet known
   */
  execute<I extends SagaValue, D extends SagaValue, R extends SagaValue, E extends Entities>(
    scope: Scope,
    definition: SagaDefinition<I, D, R, E>,
    start: { readonly id: string; prepare(tx: Transaction<E>): Promise<I> },
  ): Promise<R>;
  /** A page of them, newest first. */
  list(filter: {
    state: SagaState | undefined;
    before: string | undefined;
    limit: number;
  }): Promise<StoredSaga[]>;
  /** Takes no more over, waits for those in hand for `graceMs` at most, and hands the others over. */
  stop(graceMs: number): Promise<void>;
}

/** How long before a caller's deadline it is answered, in ms. */
const ANSWER_MARGIN_MS = 250;
/** How often it is looked whether a saga of another process has ended, in ms. */
const JOIN_MS = 100;
/** How often it is looked whether sagas have lost their process, in ms. */
const TAKE_OVER_MS = 500;
/** With so many in hand no more are taken over. */
const MOST_IN_HAND = 64;

/**
 * Runs the sagas of a service.
 *
 * @param definitions all of them, so that those of processes that died can be taken over
 * @param runner what running one needs
 */
export function startSagas(definitions: readonly AnySaga[], runner: SagaRunner): Sagas {
  const byName = new Map(definitions.map((definition) => [definition.name, definition]));
  const inHand = new Map<string, { readonly saga: StoredSaga; readonly ended: Promise<SagaOutcome> }>();
  const stopping = new AbortController();
  const leaving = new AbortController();
  const run = runner.db.pool.run;

  /** Runs a saga that is leased to us. */
  function keepInHand(
    definition: SagaDefinition,
    saga: StoredSaga,
    resumed: boolean,
    onDoomed: (error: SoukError) => void,
  ): Promise<SagaOutcome> {
    const ended = runSaga(runner, { definition, saga, resumed, leaving: leaving.signal, onDoomed }).finally(
      () => {
        if (inHand.get(saga.id)?.saga === saga) inHand.delete(saga.id);
      },
    );
    ended.catch((error: unknown) => {
      if (error instanceof LeaseLost)
        runner.log.info({ saga: saga.id }, "saga was taken over by another process");
      else runner.log.warn({ err: error, saga: saga.id }, "saga waits to be taken over");
    });
    inHand.set(saga.id, { saga, ended });
    return ended;
  }

  async function takeOverLost(): Promise<void> {
    while (!stopping.signal.aborted) {
      await pause(TAKE_OVER_MS * (0.75 + Math.random() / 2), stopping.signal);
      const room = MOST_IN_HAND - inHand.size;
      if (stopping.signal.aborted || room <= 0) continue;
      try {
        for (const saga of await takeOver(run, [...byName.keys()], runner.leaseMs, room)) {
          keepInHand(byName.get(saga.name) as SagaDefinition, saga, true, () => {}).catch(() => {});
        }
      } catch (error) {
        runner.log.warn({ err: error }, "sagas cannot be taken over");
      }
    }
  }

  /** Waits for a saga that is moved elsewhere, or was begun by an equal call. */
  async function join(id: string, scope: Scope): Promise<SagaOutcome> {
    const latest = scope.deadline - ANSWER_MARGIN_MS;
    for (;;) {
      const saga = await findById(run, id);
      if (saga?.state === "succeeded") return { kind: "succeeded", result: saga.result ?? {} };
      const doomed = saga?.state === "running" ? undefined : saga?.error;
      const late = scope.signal.aborted || Date.now() + JOIN_MS > latest;
      // What is not undone at once is undone in the background.
      if (doomed && (saga?.state === "failed" || saga?.attempts || late))
        return { kind: "failed", error: doomed };
      if (late) return { kind: "failed", error: undecided() };
      const ended = inHand.get(id)?.ended.catch(() => {});
      await Promise.race([pause(JOIN_MS, scope.signal), ...(ended === undefined ? [] : [ended])]);
    }
  }

  const takingOver = definitions.length > 0 ? takeOverLost() : Promise.resolve();

  return {
    async execute(scope, definition, start) {
      const known = definition as unknown as SagaDefinition;
      const begun = await begin(runner, known, scope, start as never);
      let outcome: SagaOutcome = { kind: "left" };
      if (begun.isNew)
        outcome = await answerInTime(scope, (onDoomed) => keepInHand(known, begun.saga, false, onDoomed));
      if (outcome.kind === "left") outcome = await join(begun.saga.id, scope);
      if (outcome.kind === "succeeded") return outcome.result as never;
      throw outcome.kind === "failed" ? outcome.error : undecided();
    },
    list: (filter) => listSagas(run, filter),
    async stop(graceMs) {
      stopping.abort();
      await takingOver;
      const done = new AbortController();
      const all = Promise.allSettled([...inHand.values()].map(({ ended }) => ended));
      await Promise.race([all, pause(graceMs, done.signal)]);
      // A timer that is left would keep the process from ending.
      done.abort();
      leaving.abort();
      const leases = [...inHand.values()].map(({ saga }) => saga.lease);
      if (leases.length > 0) await releaseLeases(run, leases).catch(() => {});
    },
  };
}

async function begin(
  { db, leaseMs }: SagaRunner,
  definition: SagaDefinition,
  scope: Scope,
  { id, prepare }: { id: string; prepare(tx: Transaction): Promise<SagaValue> },
): Promise<{ readonly isNew: boolean; readonly saga: StoredSaga }> {
  const { idempotency, audit } = scope;
  if (idempotency !== undefined) idempotency.kept = true;
  // What the call came to is known when the saga ends; then it is recorded.
  if (audit !== undefined) audit.kept = "end";
  let earlier: StoredSaga | undefined;

  async function store(tx: Transaction): Promise<StoredSaga> {
    if (earlier !== undefined) await freeKey(tx.run, earlier);
    const input = await prepare(tx);
    const fresh = newSaga({
      id,
      name: definition.name,
      input,
      scope,
      leaseMs: leaseFor(leaseMs, definition, 0),
    });
    tx.finishWith(insertSaga(fresh, idempotency));
    return fresh.saga;
  }

  for (;;) {
    try {
      return { isNew: true, saga: await db.write(withoutKey(scope), store) };
    } catch (error) {
      // An equal call may have come first and left nothing to prepare, or holds the key.
      const holder = idempotency && (await findByKey(db.pool.run, idempotency));
      if (holder === undefined || holder.id === earlier?.id) {
        if (audit !== undefined) audit.kept = false;
        throw error;
      }
      if (!mayBeRepeated(holder)) return { isNew: false, saga: holder };
      earlier = holder;
    }
  }
}

/** Whether nothing is left of a saga, and why it failed says nothing about what it was to do. */
function mayBeRepeated({ state, error }: StoredSaga): boolean {
  return state === "failed" && error !== undefined && isRetryable(error);
}

/** The saga itself keeps the key; the transaction that prepares it must not keep it too. */
function withoutKey(scope: Scope): Scope {
  return Object.create(scope, { idempotency: { value: undefined } });
}

/** Waits for a saga in hand; near the caller's deadline it is answered with what is certain by then. */
async function answerInTime(
  scope: Scope,
  run: (onDoomed: (error: SoukError) => void) => Promise<SagaOutcome>,
): Promise<SagaOutcome> {
  let doomed: SoukError | undefined;
  const timeUp = Promise.withResolvers<SagaOutcome>();
  const timer = setTimeout(
    () => timeUp.resolve({ kind: "failed", error: doomed ?? undecided() }),
    Math.max(0, scope.deadline - Date.now() - ANSWER_MARGIN_MS),
  );
  try {
    const ended = run((error) => {
      doomed = error;
    });
    return await Promise.race([ended, timeUp.promise]);
  } catch (error) {
    if (doomed !== undefined) return { kind: "failed", error: doomed };
    if (error instanceof LeaseLost) return { kind: "left" };
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function undecided(): SoukError {
  return refuseMesh(
    MeshReason.DEADLINE_EXCEEDED,
    "the time was up before it was decided; repeat the call with the same idempotency key to learn how it ended",
  );
}
