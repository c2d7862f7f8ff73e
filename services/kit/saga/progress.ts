import type { SoukError } from "../error.ts";
import { toSoukError } from "../error.ts";
import { pause } from "../events/pause.ts";
import type { SagaDefinition, SagaValue } from "./define-saga.ts";
import type { SagaInHand, SagaRunner } from "./run-saga.ts";
import { moveSaga, type SagaState } from "./store.ts";

/** Where a saga in hand is. */
export interface Progress {
  readonly state: SagaState;
  /** The index of the step that is to be run or undone; beyond the last one, its end. */
  readonly step: number;
  readonly data: SagaValue;
  readonly attempts: number;
  readonly error: SoukError | undefined;
  /** Goes on, without storing it: a step that is taken again after the death of a process has no second effect. */
  advance(found: SagaValue): void;
  /** Goes back by one, without storing it. */
  goBack(): void;
  /** Renews the lease where what is left of it does not suffice for the step. */
  ensureLease(): Promise<void>;
  /** Stores where the saga is and leaves it to whoever takes it over. */
  leave(): Promise<void>;
  /** From here on there is no way but back, from a step; that is stored before anything is undone. */
  doom(failure: SoukError, from: number): Promise<void>;
  /**
   * Stores that something failed and waits until it may be tried again.
   *
   * @returns false when that takes so long that it is left to whoever takes the saga over
   */
  again(failure: unknown): Promise<boolean>;
}

/** How long one attempt at a step may take, in ms, unless the step says otherwise. */
export const STEP_MS = 3_000;
/** Beyond a step's own time, for storing that it was taken, in ms. */
const MARGIN_MS = 2_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 60_000;
/** For longer than this, in ms, no process waits with a saga in hand. */
const PATIENCE_MS = 1_000;

/**
 * How long a lease must last, in ms, for a step to be taken under it.
 *
 * @param leaseMs how long a lease lasts unless the step needs longer
 * @param definition the saga
 * @param step the index of the step
 */
export function leaseFor(leaseMs: number, { steps }: SagaDefinition, step: number): number {
  return Math.max(leaseMs, (steps[step]?.timeoutMs ?? STEP_MS) + MARGIN_MS);
}

/**
 * Follows where a saga in hand is, and stores it when it matters.
 *
 * @param runner what running it needs
 * @param inHand the saga
 */
export function progressOf(
  { db, log, leaseMs }: SagaRunner,
  { saga, definition, leaving }: SagaInHand,
): Progress {
  let { state, step, data, attempts, error, leasedUntil } = saga;

  /** @throws LeaseLost */
  async function store(untilMs: number): Promise<void> {
    leasedUntil = Date.now() + untilMs;
    await moveSaga(db.pool.run, saga, { state, step, attempts, data, error, leaseMs: untilMs });
  }

  return {
    get state() {
      return state;
    },
    get step() {
      return step;
    },
    get data() {
      return data;
    },
    get attempts() {
      return attempts;
    },
    get error() {
      return error;
    },
    advance(found) {
      data = { ...data, ...found };
      step++;
      attempts = 0;
    },
    goBack() {
      step--;
      attempts = 0;
    },
    async ensureLease() {
      if (Date.now() + leaseFor(0, definition, step) > leasedUntil)
        await store(leaseFor(leaseMs, definition, step));
    },
    leave: () => store(0),
    async doom(failure, from) {
      state = "compensating";
      error = failure;
      step = from;
      attempts = 0;
      await store(leaseFor(leaseMs, definition, step));
    },
    async again(failure) {
      attempts++;
      if (state === "running") error = toSoukError(failure);
      const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** (attempts - 1), LONGEST_PAUSE_MS);
      log.warn(
        { saga: saga.id, step: nameOf(definition, step), attempts, pauseMs, err: failure },
        "saga goes on later",
      );
      const waits = state === "running" && pauseMs <= PATIENCE_MS;
      await store(waits ? pauseMs + leaseFor(leaseMs, definition, step) : pauseMs);
      if (waits) await pause(pauseMs, leaving);
      return waits;
    },
  };
}

function nameOf({ steps }: SagaDefinition, step: number): string {
  return steps[step]?.name ?? "end";
}
