import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import type { Database, Transaction } from "../data/database.ts";
import { isRetryable, type SoukError, toSoukError } from "../error.ts";
import type { RootScope } from "../rpc/root-scope.ts";
import type { SagaContext, SagaDefinition, SagaValue, Step } from "./define-saga.ts";
import { endSaga, LeaseLost, moveSaga, type SagaMove, type StoredSaga, storeResult } from "./store.ts";

/** Where a saga is, for those who watch. */
export interface SagaMoment {
  readonly saga: string;
  readonly sagaId: string;
  readonly step: string;
  readonly phase: "before" | "after";
  readonly direction: "run" | "undo";
}

/** What running a saga needs. */
export interface SagaRunner {
  readonly db: Database;
  readonly rootScope: RootScope;
  readonly log: Logger;
  /** How long a saga is ours without a move, in ms. */
  readonly leaseMs: number;
  /** Told of each moment; the saga waits for it. */
  readonly observe: ((moment: SagaMoment) => Promise<void> | void) | undefined;
}

/** How a saga ended, or that the rest of its undoing goes on later. */
export type SagaOutcome =
  | { readonly kind: "succeeded"; readonly result: SagaValue }
  | { readonly kind: "failed"; readonly error: SoukError };

const STEP_MS = 3_000;
const STEP_ATTEMPTS = 3;
/** Beyond a step's own time, for storing that it was taken, in ms. */
const MARGIN_MS = 2_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 60_000;

/**
 * Takes a saga from where it is to its end. A failed undoing does not end it: what is left is done
 * later by whoever takes the saga over.
 *
 * @param runner what it needs
 * @param definition the saga's story
 * @param saga leased to us
 * @param onDoomed told as soon as it is certain that the saga will fail
 * @throws LeaseLost when another process moves the saga by now
 */
export async function runSaga(
  runner: SagaRunner,
  definition: SagaDefinition,
  saga: StoredSaga,
  onDoomed: (error: SoukError) => void,
): Promise<SagaOutcome> {
  let { state, step, data, attempts } = saga;
  let error = saga.error;
  /** Stored while the next step is under way: a move that is lost is only a step that is repeated. */
  let storing: Promise<void> = Promise.resolve();

  async function store(): Promise<void> {
    await storing;
    const { timeoutMs = STEP_MS } = definition.steps[step] ?? {};
    const leaseMs = Math.max(runner.leaseMs, timeoutMs + MARGIN_MS);
    const move: SagaMove = { state, step, attempts, data, error, leaseMs };
    storing = moveSaga((text, values) => runner.db.pool.run(text, values), saga, move);
    storing.catch(() => {});
  }

  while (state === "running" && step < definition.steps.length) {
    const current = definition.steps[step] as Step<SagaValue, SagaValue>;
    try {
      const found = await take(runner, definition, saga, data, current, "run");
      data = { ...data, ...found };
      step++;
      attempts = 0;
      if (step < definition.steps.length) await store();
    } catch (thrown) {
      if (thrown instanceof LeaseLost) throw thrown;
      const failure = toSoukError(thrown);
      attempts++;
      const uncertain = isRetryable(failure);
      if (uncertain && attempts < (current.attempts ?? STEP_ATTEMPTS)) {
        runner.log.warn({ saga: saga.id, step: current.name, attempts, err: failure }, "step will be tried again");
        await store();
        await delay(pauseAfter(attempts));
        continue;
      }
      // What failed for good was not done; what failed otherwise may have been.
      state = "compensating";
      step = uncertain ? step : step - 1;
      attempts = 0;
      error = failure;
      onDoomed(failure);
      await store();
    }
  }

  await storing;
  if (state === "running") return complete(runner, definition, saga, data);

  const doomed = error as SoukError;
  while (step >= 0) {
    const current = definition.steps[step] as Step<SagaValue, SagaValue>;
    try {
      if (current.undo !== undefined) await take(runner, definition, saga, data, current, "undo");
    } catch (thrown) {
      attempts++;
      runner.log.warn({ saga: saga.id, step: current.name, attempts, err: thrown }, "undoing will be tried again");
      const leaseMs = pauseAfter(attempts);
      await storing;
      await moveSaga((text, values) => runner.db.pool.run(text, values), saga, { state, step, attempts, data, error, leaseMs });
      return { kind: "failed", error: doomed };
    }
    step--;
    attempts = 0;
    if (step >= 0) await store();
  }
  await storing;
  await abandon(runner, definition, saga, data, doomed);
  return { kind: "failed", error: doomed };
}

async function take(
  runner: SagaRunner,
  definition: SagaDefinition,
  saga: StoredSaga,
  data: SagaValue,
  step: Step<SagaValue, SagaValue>,
  direction: "run" | "undo",
): Promise<SagaValue> {
  const moment = { saga: definition.name, sagaId: saga.id, step: step.name, direction };
  await runner.observe?.({ ...moment, phase: "before" });
  const context = contextOf(runner, saga, data, step.name, step.timeoutMs ?? STEP_MS);
  const found = direction === "run" ? await step.run(context) : await step.undo?.(context);
  await runner.observe?.({ ...moment, phase: "after" });
  return found ?? {};
}

async function complete(
  runner: SagaRunner,
  definition: SagaDefinition,
  saga: StoredSaga,
  data: SagaValue,
): Promise<SagaOutcome> {
  const moment = { saga: definition.name, sagaId: saga.id, step: "complete", direction: "run" } as const;
  await runner.observe?.({ ...moment, phase: "before" });
  const context = contextOf(runner, saga, data, "complete", STEP_MS);
  const result = await end(runner, saga, context, "succeeded", async (tx) => {
    const result = await definition.complete(context, tx);
    tx.finishWith(storeResult(saga, result));
    return result;
  });
  await runner.observe?.({ ...moment, phase: "after" });
  return { kind: "succeeded", result };
}

async function abandon(
  runner: SagaRunner,
  definition: SagaDefinition,
  saga: StoredSaga,
  data: SagaValue,
  error: SoukError,
): Promise<void> {
  const moment = { saga: definition.name, sagaId: saga.id, step: "abandon", direction: "undo" } as const;
  await runner.observe?.({ ...moment, phase: "before" });
  const context = contextOf(runner, saga, data, "abandon", STEP_MS);
  await end(runner, saga, context, "failed", (tx) => definition.abandon(context, error, tx));
  await runner.observe?.({ ...moment, phase: "after" });
}

/** The saga's end and what becomes true with it are one transaction, which only the lease's holder can make. */
function end<R>(
  runner: SagaRunner,
  saga: StoredSaga,
  { scope }: SagaContext<SagaValue, SagaValue>,
  state: "succeeded" | "failed",
  work: (tx: Transaction) => Promise<R>,
): Promise<R> {
  return runner.db.write(scope, async (tx) => {
    await endSaga(tx.run, saga, state);
    return work(tx);
  });
}

function contextOf(
  { rootScope }: SagaRunner,
  { id, input, requestId, traceparent }: StoredSaga,
  data: SagaValue,
  step: string,
  timeoutMs: number,
): SagaContext<SagaValue, SagaValue> {
  const scope = rootScope({ requestId, timeoutMs, ...(traceparent !== undefined && { traceparent }) });
  return { sagaId: id, key: `${id}/${step}`, input, data, scope };
}

function pauseAfter(attempts: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** (attempts - 1), LONGEST_PAUSE_MS);
}
