import CircuitBreaker from "opossum";
import type { Logger } from "pino";
import type { Scope } from "#kit/scope.ts";
import { ErrorReason, refuse } from "../errors.ts";
import type { PaymentProvider } from "./provider.ts";

/**
 * Asks the provider something on behalf of a piece of work.
 *
 * @throws SoukError PROVIDER_UNAVAILABLE when the answer does not come in time, or the provider fails
 */
export type AskProvider = <T>(
  scope: Scope,
  question: (provider: PaymentProvider, signal: AbortSignal) => Promise<T>,
) => Promise<T>;

/** When to give up on a provider. */
export interface AskOptions {
  /** How long an answer may take at most, in ms. */
  readonly timeoutMs: number;
  /** How long a failing provider is left alone before one question tries it, in ms. */
  readonly resetMs: number;
  readonly log: Logger;
}

/** What is left of the deadline for recording the answer and handing it back, in ms. */
const ANSWER_MARGIN_MS = 300;
const WINDOW_MS = 10_000;
const FAILURE_PERCENTAGE = 50;
/** The breaker needs this many questions in the window before it may open. */
const VOLUME = 10;
const RETRY_AFTER_MS = 1_000;

/**
 * Puts a provider behind a deadline and a circuit breaker. A question goes on to its end even when
 * the caller hangs up: what became of the charge is worth knowing.
 *
 * @param provider the provider
 * @param options when to give up
 */
export function askProvider(provider: PaymentProvider, options: AskOptions): AskProvider {
  const breaker = new CircuitBreaker((question: () => Promise<unknown>) => question(), {
    // Each question has a deadline of its own; opossum's would abort its neighbours.
    timeout: false,
    resetTimeout: options.resetMs,
    rollingCountTimeout: WINDOW_MS,
    rollingPercentilesEnabled: false,
    errorThresholdPercentage: FAILURE_PERCENTAGE,
    volumeThreshold: VOLUME,
  });
  breaker.on("open", () => options.log.warn({ provider: provider.name }, "the payment provider is failing"));
  breaker.on("close", () => options.log.info({ provider: provider.name }, "the payment provider is back"));

  return async <T>(
    scope: Scope,
    question: (provider: PaymentProvider, signal: AbortSignal) => Promise<T>,
  ) => {
    const leftMs = Math.min(options.timeoutMs, scope.deadline - ANSWER_MARGIN_MS - Date.now());
    if (leftMs <= 0) throw unavailable("there is no time left to ask the payment provider", RETRY_AFTER_MS);
    try {
      return (await breaker.fire(() => within(leftMs, (signal) => question(provider, signal)))) as T;
    } catch (cause) {
      if (breaker.opened) throw unavailable("the payment provider is failing", options.resetMs, cause);
      scope.log.warn({ provider: provider.name, err: cause }, "the payment provider did not answer");
      throw unavailable("the payment provider did not answer", RETRY_AFTER_MS, cause);
    }
  };
}

async function within<T>(ms: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const timeUp = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const error = new Error(`no answer within ${Math.round(ms)} ms`);
    controller.abort(error);
    timeUp.reject(error);
  }, ms);
  try {
    return await Promise.race([work(controller.signal), timeUp.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function unavailable(what: string, retryAfterMs: number, cause?: unknown) {
  return refuse(ErrorReason.PROVIDER_UNAVAILABLE, `${what}; repeat the call, no charge is made twice`, {
    retryAfterMs,
    cause,
  });
}
