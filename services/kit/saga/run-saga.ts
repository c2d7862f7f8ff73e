import type { Logger } from "pino";
import type { Database, Transaction } from "../data/database.ts";
import { violates } from "../data/failure.ts";
import { isRetryable, type SoukError, toSoukError } from "../error.ts";
import { pause } from "../events/pause.ts";
import type { RootScope } from "../rpc/root-scope.ts";
import type { SagaContext, SagaDefinition, SagaValue, Step } from "./define-saga.ts";
import { endSaga, LEASE_HELD, LeaseLost, moveSaga, type StoredSaga } from "./store.ts";

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

/** One saga in hand. */
export interface SagaInHand {
  readonly definition: SagaDefinition;
  /** Leased to us. */
  readonly saga: StoredSaga;
  /** Told as soon as it is certain that the saga will fail. */
  onDoomed(error: SoukError): void;
  /** Aborted when the saga shall be left to another process, before its next step. */
  readonly leave: AbortSignal;
}

/** How a saga ended, or that the rest of it is done later, by whoever takes it over. */
export type SagaOutcome =
  | { readonly kind: "succeeded"; readonly result: SagaValue }
  | { readonly kind: "failed"; readonly error: SoukError }
  | { readonly kind: "left" };

const STEP_MS = 3_000;
const STEP_ATTEMPTS = 3;
/** Beyond a step's own time, for storing that it was taken, in ms. */
const MARGIN_MS = 2_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 60_000;
/** For longer than this, in ms, no process waits with a saga in hand. */
const PATIENCE_MS = 1_000;

/**
 * How long a lease must last for a step to be taken under it, in ms.
 *
 * @param definition the saga
 * @param step the index of the step
 */
export function leaseFor({ steps }: SagaDefinition, step: number): number {
  return (steps[step]?.timeoutMs ?? STEP_MS) + MARGIN_MS;
}

/**
 * Takes a saga from where it is to its end, or to where it must wait. Where it is, is stored when it
 * matters: a step that is taken again after the death of a process has no second effect, so progress alone
 * is not worth a write; that something failed is.
 *
 * @param runner what it needs
 * @param inHand the saga
 * @throws LeaseLost when another process moves the saga by now
 */
export async function runSaga(runner: SagaRunner, inHand: SagaInHand): Promise<SagaOutcome> {
  const { definition, saga, leave } = inHand;
  const { steps } = definition;
  const run = runner.db.pool.run;
  let { state, step, data, attempts, error, leasedUntil } = saga;

  async function store(leaseMs = Math.max(runner.leaseMs, leaseFor(definition, step))): Promise<void> {
    leasedUntil = Date.now() + leaseMs;
    await moveSaga(run, saga, { state, step, attempts, data, error, leaseMs });
  }

  /** Waits until what failed may be tried again; false when that is left to whoever takes the saga over. */
  async function again(what: string, failure: unknown): Promise<boolean> {
    attempts++;
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** (attempts - 1), LONGEST_PAUSE_MS);
    runner.log.warn({ saga: saga.id, step: what, attempts, pauseMs, err: failure }, "saga will be tried again");
    if (state === "running") error = toSoukError(failure);
    const waits = state === "running" && pauseMs <= PATIENCE_MS;
    await store(waits ? undefined : pauseMs);
    if (waits) await pause(pauseMs, leave);
    return waits;
  }

  function context(name: string, timeoutMs = STEP_MS): SagaContext<SagaValue, SagaValue> {
    const { id, input, requestId, traceparent } = saga;
    const scope = runner.rootScope({ requestId, timeoutMs, ...(traceparent !== undefined && { traceparent }) });
    return { sagaId: id, key: `${id}/${name}`, input, data, scope };
  }

  async function observed<T>(name: string, direction: "run" | "undo", work: () => Promise<T>): Promise<T> {
    const moment = { saga: definition.name, sagaId: saga.id, step: name, direction };
    await runner.observe?.({ ...moment, phase: "before" });
    const result = await work();
    await runner.observe?.({ ...moment, phase: "after" });
    return result;
  }

  /** The saga's end and what becomes true with it are one transaction, which only the lease's holder can make. */
  async function end<R extends SagaValue | undefined>(
    ending: "succeeded" | "failed",
    { scope }: SagaContext<SagaValue, SagaValue>,
    work: (tx: Transaction) => Promise<R>,
  ): Promise<R> {
    try {
      return await runner.db.write(scope, async (tx) => {
        const result = await work(tx);
        tx.finishWith(endSaga(saga, { state: ending, result, error: ending === "failed" ? error : undefined }));
        return result;
      });
    } catch (thrown) {
      throw violates(thrown, LEASE_HELD) ? new LeaseLost(saga.id) : thrown;
    }
  }

  /** @returns false when the saga is left */
  async function takeStep(current: Step<SagaValue, SagaValue>): Promise<boolean> {
    if (Date.now() + leaseFor(definition, step) > leasedUntil) await store();
    try {
      const found = await observed(current.name, "run", () => current.run(context(current.name, current.timeoutMs)));
      data = { ...data, ...found };
      step++;
      attempts = 0;
    } catch (thrown) {
      const failure = toSoukError(thrown);
      // What failed for good was not done; what failed otherwise may have been.
      const uncertain = isRetryable(failure);
      if (uncertain && attempts + 1 < (current.attempts ?? STEP_ATTEMPTS)) return again(current.name, failure);
      await doom(failure, uncertain ? step : step - 1);
    }
    return true;
  }

  /** From here on there is no way but back; that is stored before the first thing is undone. */
  async function doom(failure: SoukError, from: number): Promise<void> {
    state = "compensating";
    error = failure;
    step = from;
    attempts = 0;
    await store();
    inHand.onDoomed(failure);
  }

  while (state === "running") {
    if (leave.aborted) {
      await store(0);
      return { kind: "left" };
    }
    const current = steps[step];
    if (current !== undefined) {
      if (!(await takeStep(current))) return { kind: "left" };
      continue;
    }
    try {
      const completing = context("complete");
      const result = await observed("complete", "run", () =>
        end("succeeded", completing, (tx) => definition.complete(completing, tx)),
      );
      return { kind: "succeeded", result };
    } catch (thrown) {
      if (thrown instanceof LeaseLost) throw thrown;
      const failure = toSoukError(thrown);
      if (!isRetryable(failure)) await doom(failure, steps.length - 1);
      else if (!(await again("complete", failure))) return { kind: "left" };
    }
  }

  const doomed = error as SoukError;
  try {
    for (; step >= 0 && !leave.aborted; step--, attempts = 0) {
      const current = steps[step] as Step<SagaValue, SagaValue>;
      if (current.undo === undefined) continue;
      if (Date.now() + leaseFor(definition, step) > leasedUntil) await store();
      await observed(current.name, "undo", async () => current.undo?.(context(current.name, current.timeoutMs)));
    }
    if (step >= 0) await store(0);
    else {
      const abandoning = context("abandon");
      await observed("abandon", "undo", () =>
        end("failed", abandoning, async (tx) => {
          await definition.abandon(abandoning, doomed, tx);
          return undefined;
        }),
      );
    }
  } catch (thrown) {
    if (thrown instanceof LeaseLost) throw thrown;
    await again(steps[step]?.name ?? "abandon", thrown);
  }
  return { kind: "failed", error: doomed };
}
