import CircuitBreaker from "opossum";
import type { Logger } from "pino";

/** The circuit breakers of endpoints, one for each. */
export interface EndpointBreakers {
  /** How long a failing endpoint is left alone before one call tries it, in ms. */
  readonly resetMs: number;
  /**
   * Makes a call unless its breaker is open.
   *
   * @param endpoint whom it goes to; once it is changed, what was before counts no more
   * @param call answers whether the endpoint is well
   * @returns undefined when the breaker is open: nothing was done
   */
  guard<T extends Health>(endpoint: Versioned, call: () => Promise<T>): Promise<T | undefined>;
  /** Makes a call even where the breaker is open; where the endpoint is well, it closes. */
  try<T extends Health>(endpoint: Versioned, call: () => Promise<T>): Promise<T>;
  /** Forgets an endpoint that is gone. */
  forget(id: string): void;
  stop(): void;
}

/** What a call says of the endpoint. */
export interface Health {
  /** Whether it does not do what it should, whatever it was asked. */
  readonly isFailure: boolean;
}

/** An endpoint, and how often it was changed. */
export interface Versioned {
  readonly id: string;
  readonly version: number;
}

const WINDOW_MS = 60_000;
const FAILURE_PERCENTAGE = 50;
/** A breaker needs this many calls in the window before it may open. */
const VOLUME = 5;

type Circuit = CircuitBreaker<[call: () => Promise<Health>], Health>;

/** Carries the result of a call that failed past the breaker. */
class Failed extends Error {
  readonly result: Health;

  constructor(result: Health) {
    super("failed");
    this.result = result;
  }
}

/**
 * Makes the breakers of one process.
 *
 * @param resetMs how long a failing endpoint is left alone before one call tries it, in ms
 * @param log told when one opens and closes
 */
export function endpointBreakers(resetMs: number, log: Logger): EndpointBreakers {
  const known = new Map<string, { readonly version: number; readonly circuit: Circuit }>();

  function circuitOf({ id, version }: Versioned): Circuit {
    const found = known.get(id);
    if (found?.version === version) return found.circuit;
    found?.circuit.shutdown();
    const circuit = createCircuit(id);
    known.set(id, { version, circuit });
    return circuit;
  }

  function createCircuit(id: string): Circuit {
    const circuit: Circuit = new CircuitBreaker(
      async (call) => {
        const result = await call();
        if (result.isFailure) throw new Failed(result);
        return result;
      },
      {
        // Each call has a deadline of its own; opossum's would abort its neighbours.
        timeout: false,
        resetTimeout: resetMs,
        rollingCountTimeout: WINDOW_MS,
        rollingPercentilesEnabled: false,
        enableSnapshots: false,
        errorThresholdPercentage: FAILURE_PERCENTAGE,
        volumeThreshold: VOLUME,
      },
    );
    circuit.on("open", () => log.warn({ endpoint: id }, "a webhook endpoint is failing"));
    circuit.on("close", () => log.info({ endpoint: id }, "a webhook endpoint is back"));
    return circuit;
  }

  return {
    resetMs,
    async guard<T extends Health>(endpoint: Versioned, call: () => Promise<T>) {
      try {
        return (await circuitOf(endpoint).fire(call)) as T;
      } catch (thrown) {
        if (thrown instanceof Failed) return thrown.result as T;
        if (CircuitBreaker.isOurError(thrown as Error)) return undefined;
        throw thrown;
      }
    },
    async try(endpoint, call) {
      const result = await call();
      const circuit = circuitOf(endpoint);
      if (!result.isFailure && !circuit.closed) circuit.close();
      return result;
    },
    forget(id) {
      known.get(id)?.circuit.shutdown();
      known.delete(id);
    },
    stop() {
      for (const { circuit } of known.values()) circuit.shutdown();
      known.clear();
    },
  };
}
