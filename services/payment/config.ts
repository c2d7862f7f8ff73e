import { milliseconds, num, type Settings, secret, str } from "#kit/config.ts";

/** The settings of payment. */
export const paymentSettings = {
  PAYMENT_PROVIDER: str({
    default: "sandbox",
    choices: ["sandbox", "stripe"],
    desc: "Who moves the money: a sandbox that moves none, or Stripe",
  }),
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
  PAYMENT_GIFT_CARD_SECRET: secret({
    desc: "Secret, 32 characters or more, of which the codes of gift cards are made; with another one, cards that were issued are not known any more",
  }),
  PAYMENT_SANDBOX_LATENCY_MS: num({
    default: 0,
    desc: "How long the sandbox provider works on each request, in ms",
  }),
  PAYMENT_SANDBOX_HOLD_MS: milliseconds({
    default: 7 * 24 * 3_600_000,
    desc: "How long the sandbox provider sets money aside",
  }),
  PAYMENT_SANDBOX_WEBHOOK_SECRET: secret({
    default: undefined,
    desc: "Secret, 32 characters or more, under which the sandbox provider signs its webhooks; without it, none are believed",
  }),
  PAYMENT_STRIPE_SECRET_KEY: str({
    default: undefined,
    desc: "Secret key of the account at Stripe, for provider stripe",
  }),
  PAYMENT_STRIPE_WEBHOOK_SECRET: str({
    default: undefined,
    desc: "Secret under which Stripe signs its webhooks, for provider stripe",
  }),
  PAYMENT_STRIPE_URL: str({
    default: "https://api.stripe.com",
    desc: "Where Stripe's API is",
  }),
} satisfies Settings;
