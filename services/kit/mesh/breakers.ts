import type { DescMethod } from "@bufbuild/protobuf";
import type { Meter } from "@opentelemetry/api";
import CircuitBreaker from "opossum";
import { BreakerState } from "#gen/souk/mesh/v1/operations_pb.ts";
import { methodName } from "../contract.ts";
import { Code, MeshReason, refuseMesh, SoukError } from "../error.ts";

/** When breakers open and close. */
export interface BreakerOptions {
  /** How long an open breaker refuses calls before it lets one through as a trial, in ms. */
  readonly resetMs: number;
}

/** What a breaker has seen. */
export interface BreakerReport {
  readonly method: string;
  readonly state: BreakerState;
  readonly successes: number;
  readonly failures: number;
}

/** The circuit breakers of one service's outbound calls, one a method. */
export interface Breakers {
  /**
   * Does a call unless its breaker is open.
   *
   * @throws SoukError BREAKER_OPEN, or what the call throws
   */
  guard<T>(method: DescMethod, run: () => Promise<T>): Promise<T>;
  list(): BreakerReport[];
  stop(): void;
}

/** Failures of the service called; all others are answers, if not welcome ones. */
const FAILURES: ReadonlySet<Code> = new Set([
  Code.UNAVAILABLE,
  Code.DEADLINE_EXCEEDED,
  Code.INTERNAL,
  Code.UNKNOWN,
  Code.DATA_LOSS,
]);

const WINDOW_MS = 10_000;
const FAILURE_PERCENTAGE = 50;
/** A breaker needs this many calls in the window before it may open. */
const VOLUME = 10;

type Run = () => Promise<unknown>;

/**
 * Makes the breakers of a service.
 *
 * @param options when they close again
 * @param meter where their states are measured
 */
export function createBreakers(options: BreakerOptions, meter: Meter): Breakers {
  const breakers = new Map<DescMethod, CircuitBreaker<[Run], unknown>>();
  const gauge = meter.createObservableGauge("souk.breaker.state", {
    description: "0 closed, 1 open, 2 half open",
  });
  gauge.addCallback((result) => {
    for (const [method, breaker] of breakers) {
      result.observe(stateOf(breaker) - BreakerState.CLOSED, { method: methodName(method) });
    }
  });

  function breakerOf(method: DescMethod): CircuitBreaker<[Run], unknown> {
    let breaker = breakers.get(method);
    if (breaker === undefined) {
      breaker = new CircuitBreaker((run: Run) => run(), {
        // The deadline of the call decides; opossum's own timeout would abort its neighbours.
        timeout: false,
        resetTimeout: options.resetMs,
        rollingCountTimeout: WINDOW_MS,
        rollingPercentilesEnabled: false,
        errorThresholdPercentage: FAILURE_PERCENTAGE,
        volumeThreshold: VOLUME,
        errorFilter: (error: unknown) => error instanceof SoukError && !FAILURES.has(error.code),
      });
      breakers.set(method, breaker);
    }
    return breaker;
  }

  return {
    async guard<T>(method: DescMethod, run: () => Promise<T>) {
      try {
        return (await breakerOf(method).fire(run)) as T;
      } catch (thrown) {
        if (isOpenError(thrown)) throw open(method, options, thrown);
        throw thrown;
      }
    },
    list: () =>
      [...breakers].map(([method, breaker]) => ({
        method: methodName(method),
        state: stateOf(breaker),
        successes: breaker.stats.successes,
        failures: breaker.stats.failures,
      })),
    stop() {
      for (const breaker of breakers.values()) breaker.shutdown();
      breakers.clear();
    },
  };
}

function stateOf(breaker: CircuitBreaker): BreakerState {
  if (breaker.opened) return BreakerState.OPEN;
  return breaker.halfOpen ? BreakerState.HALF_OPEN : BreakerState.CLOSED;
}

function isOpenError(thrown: unknown): boolean {
  return thrown instanceof Error && (thrown as NodeJS.ErrnoException).code === "EOPENBREAKER";
}

function open(method: DescMethod, { resetMs }: BreakerOptions, cause: unknown): SoukError {
  return refuseMesh(MeshReason.BREAKER_OPEN, `${method.parent.typeName} is failing; try again in a moment`, {
    retryAfterMs: resetMs,
    metadata: { method: methodName(method) },
    cause,
  });
}
