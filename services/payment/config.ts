import { milliseconds, num, type Settings } from "#kit/config.ts";

/** The settings of payment. */
export const paymentSettings = {
  PAYMENT_PROVIDER_TIMEOUT_MS: milliseconds({
    default: 4_000,
    desc: "How long the payment provider may take to answer; the deadline of the call may make it less",
  }),
  PAYMENT_BREAKER_RESET_MS: milliseconds({
    default: 10_000,
    desc: "How long a payment provider that fails is left alone before one call tries it",
  }),
  PAYMENT_RECONCILE_AFTER_MS: milliseconds({
    default: 60_000,
    desc: "How long after a payment whose charge is uncertain the provider is asked about it; longer than a call lasts",
  }),
  PAYMENT_SANDBOX_LATENCY_MS: num({
    default: 0,
    desc: "How long the sandbox provider works on each request, in ms",
  }),
} satisfies Settings;
