import { setTimeout as delay } from "node:timers/promises";
import type { Transaction } from "../data/database.ts";
import type { Entities } from "../data/tables.ts";
import { MeshReason, refuseMesh, type SoukError } from "../error.ts";
import type { Scope } from "../scope.ts";
import type { AnySaga, SagaDefinition, SagaValue } from "./define-saga.ts";
import { runSaga, type SagaOutcome, type SagaRunner } from "./run-saga.ts";
import {
  findById,
  findByKey,
  insertSaga,
  LeaseLost,
  listSagas,
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
   * what it came to.
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
  list(filter: { state: SagaState | undefined; before: string | undefined; limit: number }): Promise<StoredSaga[]>;
  /** Takes no more over, waits for those in hand for `graceMs` at most, and hands the others over. */
  stop(graceMs: number): Promise<void>;
}

/** How long before a caller's deadline it is answered, in ms. */
const ANSWER_MARGIN_MS = 250;
/** How often it is looked whether a saga of another process has ended, in ms. */
const JOIN_MS = 100;
/** How often it is looked whether sagas have lost their process, in ms. */
const TAKE_OVER_MS = 500;
const TAKE_OVER_AT_ONCE = 8;

/**
 * Runs the sagas of a service.
 *
 * @param definitions all of them, so that those of processes that died can be taken over
 * @param runner what running one needs
 */
export function startSagas(definitions: readonly AnySaga[], runner: SagaRunner): Sagas {
  const byName = new Map(definitions.map((definition) => [definition.name, definition]));
  const inHand = new Map<string, { readonly saga: StoredSaga; readonly ended: Promise<unknown> }>();
  const stopping = new AbortController();
  const run = runner.db.pool.run;

  /** Runs a saga that is leased to us; the promise rejects only when somebody else has it by now. */
  function keepInHand(definition: SagaDefinition, saga: StoredSaga, onDoomed: (error: SoukError) => void) {
    const ended = runSaga(runner, definition, saga, onDoomed).finally(() => inHand.delete(saga.id));
    ended.catch((error: unknown) => {
      if (!(error instanceof LeaseLost)) runner.log.warn({ err: error, saga: saga.id }, "saga will be taken over");
    });
    inHand.set(saga.id, { saga, ended });
    return ended;
  }

  async function takeOverLost(): Promise<void> {
    while (!stopping.signal.aborted) {
      await delay(TAKE_OVER_MS * (0.75 + Math.random() / 2), undefined, { signal: stopping.signal }).catch(() => {});
      if (stopping.signal.aborted) return;
      try {
        for (const saga of await takeOver(run, runner.leaseMs, TAKE_OVER_AT_ONCE)) {
          const definition = byName.get(saga.name);
          if (definition === undefined) runner.log.error({ saga: saga.id, name: saga.name }, "nobody knows this saga");
          else keepInHand(definition, saga, () => {}).catch(() => {});
        }
      } catch (error) {
        runner.log.warn({ err: error }, "sagas cannot be taken over");
      }
    }
  }

  const takingOver = definitions.length > 0 ? takeOverLost() : Promise.resolve();

  return {
    async execute(scope, definition, start) {
      const known = definition as unknown as SagaDefinition;
      const begun = await begin(runner, known, scope, start as never);
      const outcome = begun.isNew
        ? await answerInTime(scope, (onDoomed) => keepInHand(known, begun.saga, onDoomed))
        : await join(runner, begun.saga, scope);
      if (outcome.kind === "failed") throw outcome.error;
      return outcome.result as never;
    },
    list: (filter) => listSagas(run, filter),
    async stop(graceMs) {
      stopping.abort();
      await takingOver;
      const all = Promise.allSettled([...inHand.values()].map(({ ended }) => ended));
      await Promise.race([all, delay(graceMs)]);
      const leases = [...inHand.values()].map(({ saga }) => saga.lease);
      if (leases.length > 0) await releaseLeases(run, leases).catch(() => {});
    },
  };
}

async function begin(
  { db, leaseMs }: SagaRunner,
  { name }: SagaDefinition,
  scope: Scope,
  { id, prepare }: { id: string; prepare(tx: Transaction): Promise<SagaValue> },
): Promise<{ readonly isNew: boolean; readonly saga: StoredSaga }> {
  const { idempotency } = scope;
  if (idempotency !== undefined) idempotency.kept = true;
  const earlier = idempotency && (await findByKey(db.pool.run, idempotency));
  if (earlier !== undefined) return { isNew: false, saga: earlier };
  try {
    const saga = await db.write(withoutKey(scope), async (tx) => {
      const input = await prepare(tx);
      return insertSaga(tx.run, { id, name, input, scope, leaseMs });
    });
    return { isNew: true, saga };
  } catch (error) {
    // An equal call may have come first and left nothing to prepare, or holds the key.
    const winner = idempotency && (await findByKey(db.pool.run, idempotency));
    if (winner === undefined) throw error;
    return { isNew: false, saga: winner };
  }
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
  } finally {
    clearTimeout(timer);
  }
}

/** Waits for a saga that an equal call started, here or in another process. */
async function join({ db }: SagaRunner, begun: StoredSaga, scope: Scope): Promise<SagaOutcome> {
  let saga: StoredSaga | undefined = begun;
  while (saga !== undefined && Date.now() < scope.deadline - ANSWER_MARGIN_MS) {
    if (saga.state === "succeeded") return { kind: "succeeded", result: saga.result ?? {} };
    if (saga.state === "failed" && saga.error !== undefined) return { kind: "failed", error: saga.error };
    await delay(JOIN_MS);
    saga = await findById(db.pool.run, saga.id);
  }
  return { kind: "failed", error: saga?.error ?? undecided() };
}

function undecided(): SoukError {
  return refuseMesh(
    MeshReason.DEADLINE_EXCEEDED,
    "the time was up before it was decided; repeat the call with the same idempotency key to learn how it ended",
  );
}
