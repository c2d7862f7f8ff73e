import { EventEmitter } from "node:events";
import type { DescMethod } from "@bufbuild/protobuf";
import type { Meter } from "@opentelemetry/api";
import CircuitBreaker from "opossum";
import { BreakerControl, BreakerState } from "#gen/souk/mesh/v1/operations_pb.ts";
import { methodName, policyOf, serviceNameOf } from "../contract.ts";
import { Code, isMeshRefusal, MeshReason, refuseMesh, SoukError } from "../error.ts";

/** When breakers open and close. */
export interface BreakerOptions {
  /** How long an open breaker refuses calls before it lets one through as a trial, in ms, unless its policy says. */
  readonly resetMs: number;
}

/** What a breaker does, and has seen in its window. */
export interface BreakerReport {
  readonly method: string;
  /** The service behind it. */
  readonly target: string;
  readonly state: BreakerState;
  readonly control: BreakerControl;
  readonly successes: number;
  readonly failures: number;
}

/** The circuit breakers of one service's outbound calls, one for each target and method. */
export interface Breakers {
  /**
   * Does a call unless its breaker is open.
   *
   * @param method the method; its contract names the target, however many replicas that has
   * @param run does the call
   * @param givenMs how long the call may take, in ms
   * @throws SoukError BREAKER_OPEN, or what the call throws
   */
  guard<T>(method: DescMethod, run: () => Promise<T>, givenMs: number): Promise<T>;
  /**
   * Decides who decides.
   *
   * @param method the full name of a method
   * @param control who
   * @throws SoukError NOT_FOUND when there is no such method
   */
  set(method: string, control: BreakerControl): Promise<BreakerReport>;
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
/**
 * Whoever gives a call a smaller part of its policy's time than this has himself to blame when that is up. A chain of
 * calls that have the same policy keeps a little at each hop.
 */
const PATIENCE = 0.8;

/** A breaker and what stands around it. */
interface Guarded {
  readonly method: DescMethod;
  /** Told of each success and failure of the service called, it finds out whether to let calls through. */
  readonly circuit: CircuitBreaker<[failed: boolean], void>;
  readonly resetMs: number;
  control: BreakerControl;
  openedAt: number;
  /** Whether a call is under way that tries a breaker that was open. */
  trying: boolean;
}

/**
 * Makes the breakers of a service.
 *
 * @param options when they close again
 * @param meter where their states are measured
 */
export function createBreakers(options: BreakerOptions, meter: Meter): Breakers {
  const breakers = new Map<DescMethod, Guarded>();
  const windows = sharedWindows();
  const gauge = meter.createObservableGauge("souk.breaker.state", {
    description: "0 closed, 1 open, 2 half open",
  });
  gauge.addCallback((result) => {
    for (const { method, target, state } of list()) {
      result.observe(state - BreakerState.CLOSED, { method, target });
    }
  });
  const refused = meter.createCounter("souk.breaker.refused", {
    description: "Calls that were not made because their breaker was open",
  });

  function breakerOf(method: DescMethod): Guarded {
    let found = breakers.get(method);
    if (found === undefined) {
      found = createBreaker(method, options, windows.of(policyOf(method).breaker.windowMs));
      breakers.set(method, found);
    }
    return found;
  }

  function list(): BreakerReport[] {
    return [...breakers.values()].map(report);
  }

  return {
    async guard(method, run, givenMs) {
      const breaker = breakerOf(method);
      const state = stateOf(breaker);
      if (state === BreakerState.OPEN || (state === BreakerState.HALF_OPEN && breaker.trying)) {
        refused.add(1, { method: methodName(method) });
        throw open(breaker);
      }
      if (breaker.control === BreakerControl.FORCED_CLOSED) return run();
      const attempt = state === BreakerState.HALF_OPEN ? tryOnce : runAndTell;
      return attempt(breaker, run, givenMs);
    },
    async set(name, control) {
      const method = await findMethod(name, breakers.keys());
      if (method === undefined) {
        throw refuseMesh(MeshReason.NOT_FOUND, `no contract has the method ${name}`, { metadata: { name } });
      }
      const breaker = breakerOf(method);
      breaker.control = control;
      return report(breaker);
    },
    list,
    stop() {
      for (const { circuit } of breakers.values()) circuit.shutdown();
      breakers.clear();
      windows.stop();
    },
  };
}

function createBreaker(method: DescMethod, options: BreakerOptions, window: EventEmitter): Guarded {
  const { failurePercentage, minCalls, windowMs, resetMs = options.resetMs } = policyOf(method).breaker;
  const circuit = new CircuitBreaker<[boolean], void>(
    async (failed) => {
      if (failed) throw new Error("failed");
    },
    {
      // The deadline of the call decides; opossum's own timeout would abort its neighbours.
      timeout: false,
      resetTimeout: resetMs,
      rollingCountTimeout: windowMs,
      rotateBucketController: window,
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
      // Opossum opens above its threshold, we at ours.
      errorThresholdPercentage: failurePercentage - 1e-9,
      volumeThreshold: minCalls,
    },
  );
  const breaker: Guarded = {
    method,
    circuit,
    resetMs,
    control: BreakerControl.AUTOMATIC,
    openedAt: 0,
    trying: false,
  };
  circuit.on("open", () => {
    breaker.openedAt = Date.now();
  });
  return breaker;
}

async function runAndTell<T>(breaker: Guarded, run: () => Promise<T>, givenMs: number): Promise<T> {
  try {
    const answer = await run();
    await tell(breaker, false);
    return answer;
  } catch (thrown) {
    if (isFailure(thrown, breaker, givenMs)) await tell(breaker, true);
    throw thrown;
  }
}

/** What was begun before the breaker opened says nothing about how things are now. */
async function tell({ circuit }: Guarded, failed: boolean): Promise<void> {
  if (circuit.closed) await circuit.fire(failed).catch(() => {});
}

/**
 * One call at a time tries whether the service is well again. A caller's mistake is often found before the
 * service does anything that could fail: it neither closes the breaker nor opens it, and the next call is the trial.
 */
async function tryOnce<T>(breaker: Guarded, run: () => Promise<T>, givenMs: number): Promise<T> {
  breaker.trying = true;
  try {
    const answer = await run();
    breaker.circuit.close();
    return answer;
  } catch (thrown) {
    if (isFailure(thrown, breaker, givenMs)) breaker.circuit.open();
    throw thrown;
  } finally {
    breaker.trying = false;
  }
}

/**
 * Whether a call failed because the service called does not do what it should. One that has too much to do is
 * well, one whose caller was impatient may be.
 */
function isFailure(thrown: unknown, { method }: Guarded, givenMs: number): boolean {
  if (!(thrown instanceof SoukError) || !FAILURES.has(thrown.code)) return false;
  if (thrown.code === Code.DEADLINE_EXCEEDED) {
    return givenMs >= policyOf(method).timeoutMs * PATIENCE;
  }
  return !isMeshRefusal(thrown, MeshReason.OVERLOADED);
}

function stateOf({ control, circuit }: Guarded): BreakerState {
  if (control === BreakerControl.FORCED_OPEN) return BreakerState.OPEN;
  if (control === BreakerControl.FORCED_CLOSED || circuit.closed) return BreakerState.CLOSED;
  return circuit.halfOpen ? BreakerState.HALF_OPEN : BreakerState.OPEN;
}

function report(breaker: Guarded): BreakerReport {
  const { method, control, circuit } = breaker;
  const { successes, failures } = circuit.stats;
  const target = serviceNameOf(method.parent);
  return { method: methodName(method), target, state: stateOf(breaker), control, successes, failures };
}

async function findMethod(name: string, called: Iterable<DescMethod>): Promise<DescMethod | undefined> {
  const known = [...called].find((it) => methodName(it) === name);
  if (known !== undefined) return known;
  // Loaded only when it is asked for: a service needs the contracts of few others.
  const { contracts } = await import("#gen/contracts.ts");
  const [service = "", method = ""] = name.split("/");
  return contracts.getService(service)?.methods.find((it) => it.name === method);
}

/** Breakers with windows of one length count with one timer. */
function sharedWindows() {
  const emitters = new Map<number, { emitter: EventEmitter; timer: NodeJS.Timeout }>();
  return {
    of(windowMs: number): EventEmitter {
      let found = emitters.get(windowMs);
      if (found === undefined) {
        const emitter = new EventEmitter().setMaxListeners(0);
        // Opossum divides its window into ten parts.
        found = { emitter, timer: setInterval(() => emitter.emit("rotate"), windowMs / 10).unref() };
        emitters.set(windowMs, found);
      }
      return found.emitter;
    },
    stop() {
      for (const { timer } of emitters.values()) clearInterval(timer);
      emitters.clear();
    },
  };
}

function open({ method, control, openedAt, resetMs }: Guarded): SoukError {
  const leftMs = Math.max(100, openedAt + resetMs - Date.now());
  const forced = control === BreakerControl.FORCED_OPEN;
  const why = forced ? "is kept from being called by an operator" : "is failing; try again in a moment";
  return refuseMesh(MeshReason.BREAKER_OPEN, `${method.parent.typeName} ${why}`, {
    metadata: { method: methodName(method) },
    retryAfterMs: forced ? resetMs : leftMs,
  });
}
