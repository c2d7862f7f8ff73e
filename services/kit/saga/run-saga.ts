import type { Logger } from "pino";
import { AuditRecordedSchema } from "#gen/souk/mesh/v1/audit_pb.ts";
import { AuditResult, refusedResult } from "../audit/entry.ts";
import type { Database, Transaction } from "../data/database.ts";
import { violates } from "../data/failure.ts";
import { codeName, isRetryable, type SoukError, toSoukError } from "../error.ts";
import type { RootScope } from "../rpc/root-scope.ts";
import type { SagaContext, SagaDefinition, SagaValue, Step } from "./define-saga.ts";
import { type Progress, progressOf, STEP_MS } from "./progress.ts";
import { endSaga, LEASE_HELD, LeaseLost, type StoredSaga } from "./store.ts";

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

/** A saga that this process moves. */
export interface SagaInHand {
  readonly definition: SagaDefinition;
  /** Leased to us. */
  readonly saga: StoredSaga;
  /** Whether another run moved it before, which may have come further than is stored. */
  readonly resumed: boolean;
  /** Aborted when it shall be left to another process, before its next step. */
  readonly leaving: AbortSignal;
  /** Told as soon as it is certain that it will fail. */
  onDoomed(error: SoukError): void;
}

/** How a saga ended, or that the rest is done later by whoever takes it over. */
export type SagaOutcome =
  | { readonly kind: "succeeded"; readonly result: SagaValue }
  | { readonly kind: "failed"; readonly error: SoukError }
  | { readonly kind: "left" };

const STEP_ATTEMPTS = 3;

/**
 * Takes a saga from where it is to its end, or to where it must wait.
 *
 * @param runner what it needs
 * @param inHand the saga
 * @throws LeaseLost when another process moves the saga by now
 */
export async function runSaga(runner: SagaRunner, inHand: SagaInHand): Promise<SagaOutcome> {
  const { steps } = inHand.definition;
  const at = progressOf(runner, inHand);
  while (at.state === "running") {
    if (inHand.leaving.aborted) {
      await at.leave();
      return { kind: "left" };
    }
    const step = steps[at.step];
    try {
      if (step === undefined) return { kind: "succeeded", result: await complete(runner, inHand, at) };
      await at.ensureLease();
      at.advance(await take(runner, inHand, at, step, "run"));
    } catch (thrown) {
      if (thrown instanceof LeaseLost) throw thrown;
      const failure = toSoukError(thrown);
      const uncertain = isRetryable(failure);
      // What failed for good at once was not done; an attempt whose end is not known may have been,
      // and so may everything where another run was before.
      const lastDone = uncertain || at.attempts > 0 ? at.step : at.step - 1;
      // The end is never given up: everything that it tells of has happened.
      const attempts = step === undefined ? Number.POSITIVE_INFINITY : (step.attempts ?? STEP_ATTEMPTS);
      if (uncertain && at.attempts + 1 < attempts) {
        if (!(await at.again(failure))) return { kind: "left" };
      } else {
        await at.doom(failure, inHand.resumed ? steps.length - 1 : lastDone);
        inHand.onDoomed(failure);
      }
    }
  }
  const error = at.error as SoukError;
  await undo(runner, inHand, at, error);
  return { kind: "failed", error };
}

/** Undoes what was done, in reverse. Where that fails, or takes too long, the rest is done later. */
async function undo(runner: SagaRunner, inHand: SagaInHand, at: Progress, error: SoukError): Promise<void> {
  const { steps } = inHand.definition;
  try {
    for (; at.step >= 0; at.goBack()) {
      if (inHand.leaving.aborted) return await at.leave();
      const step = steps[at.step] as Step<SagaValue, SagaValue>;
      if (step.undo === undefined) continue;
      await at.ensureLease();
      await take(runner, inHand, at, step, "undo");
    }
    await abandon(runner, inHand, at, error);
  } catch (thrown) {
    if (thrown instanceof LeaseLost) throw thrown;
    await at.again(thrown);
  }
}

async function take(
  runner: SagaRunner,
  inHand: SagaInHand,
  at: Progress,
  step: Step<SagaValue, SagaValue>,
  direction: "run" | "undo",
): Promise<SagaValue> {
  const context = contextOf(runner, inHand, at, step.name, step.timeoutMs);
  const found = await observed(runner, inHand, step.name, direction, async () => step[direction]?.(context));
  return found ?? {};
}

function complete(runner: SagaRunner, inHand: SagaInHand, at: Progress): Promise<SagaValue> {
  const context = contextOf(runner, inHand, at, "complete");
  return observed(runner, inHand, "complete", "run", () =>
    end(runner, context, async (tx) => {
      const result = await inHand.definition.complete(context, tx);
      tellAudit(tx, inHand.saga, AuditResult.SUCCEEDED, "");
      tx.finishWith(endSaga(inHand.saga, { state: "succeeded", result }));
      return result;
    }),
  );
}

function abandon(runner: SagaRunner, inHand: SagaInHand, at: Progress, error: SoukError): Promise<void> {
  const context = contextOf(runner, inHand, at, "abandon");
  return observed(runner, inHand, "abandon", "undo", () =>
    end(runner, context, async (tx) => {
      await inHand.definition.abandon(context, error, tx);
      tellAudit(tx, inHand.saga, refusedResult(error), error.reason || codeName(error.code));
      tx.finishWith(endSaga(inHand.saga, { state: "failed", error }));
    }),
  );
}

/** Records the call that started a saga, now that it is known what it came to. */
function tellAudit(tx: Transaction, { audit }: StoredSaga, result: AuditResult, reason: string): void {
  if (audit !== undefined) tx.emit(AuditRecordedSchema, { ...audit, result, reason });
}

/** The saga's end and what becomes true with it are one transaction, which only the lease's holder can make. */
async function end<R>(
  { db }: SagaRunner,
  { sagaId, scope }: SagaContext<SagaValue, SagaValue>,
  work: (tx: Transaction) => Promise<R>,
): Promise<R> {
  try {
    return await db.write(scope, work);
  } catch (error) {
    throw violates(error, LEASE_HELD) ? new LeaseLost(sagaId) : error;
  }
}

async function observed<R>(
  { observe }: SagaRunner,
  { definition, saga }: SagaInHand,
  step: string,
  direction: "run" | "undo",
  work: () => Promise<R>,
): Promise<R> {
  const moment = { saga: definition.name, sagaId: saga.id, step, direction };
  await observe?.({ ...moment, phase: "before" });
  const result = await work();
  await observe?.({ ...moment, phase: "after" });
  return result;
}

function contextOf(
  { rootScope }: SagaRunner,
  { saga: { id, input, requestId, traceparent } }: SagaInHand,
  { data }: Progress,
  step: string,
  timeoutMs = STEP_MS,
): SagaContext<SagaValue, SagaValue> {
  const scope = rootScope({ requestId, timeoutMs, ...(traceparent !== undefined && { traceparent }) });
  return { sagaId: id, key: `${id}/${step}`, input, data, scope };
}
