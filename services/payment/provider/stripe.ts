import Stripe from "stripe";
import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import {
  type AuthorizationRequest,
  type Charge,
  type PaymentProvider,
  type RefundAnswer,
  WebhookRefused,
} from "./provider.ts";
import { toCharge, toStripeAmount } from "./stripe-charge.ts";

/** How Stripe is reached. */
export interface StripeOptions {
  readonly secretKey: string;
  readonly webhookSecret: string;
  /** Where its API is. */
  readonly url: string;
  /** How long it may take to answer, in ms. */
  readonly timeoutMs: number;
}

/** For so long a signature is believed, in s. */
const TOLERANCE_S = 300;
const PAGE = 100;

/**
 * Makes Stripe a payment provider, through its own library: a charge is a PaymentIntent that is captured by hand,
 * and idempotency keys are our ids, which also stand in the metadata. Stripe takes a key for one kind of request only,
 * so what it is for is added where ids of different things may be the same.
 *
 * @param options how it is reached
 */
export function stripeProvider(options: StripeOptions): PaymentProvider {
  const { hostname, port, protocol } = new URL(options.url);
  const stripe = new Stripe(options.secretKey, {
    host: hostname,
    protocol: protocol === "http:" ? "http" : "https",
    ...(port !== "" && { port }),
    timeout: options.timeoutMs,
    // Who asks repeats the question under the same key; here it would outlast the deadline.
    maxNetworkRetries: 0,
    telemetry: false,
  });
  const { paymentIntents, refunds } = stripe;

  /** What older forms gave for a card is no means of payment yet. */
  async function paymentMethodOf({ token, idempotencyKey }: AuthorizationRequest): Promise<string> {
    if (!token.startsWith("tok_")) return token;
    const card = { type: "card", card: { token } } as const;
    const { id } = await stripe.paymentMethods.create(card, { idempotencyKey: `${idempotencyKey}/method` });
    return id;
  }

  async function retrieve(id: string): Promise<Charge> {
    return toCharge(await paymentIntents.retrieve(id, { expand: ["latest_charge"] }));
  }

  /** What was captured in part cannot be cancelled: it ends with a capture of nothing more. */
  async function releaseRest(id: string): Promise<Charge> {
    const intent = await paymentIntents.capture(
      id,
      { amount_to_capture: 0, final_capture: true, expand: ["latest_charge"] },
      { idempotencyKey: `${id}/release` },
    );
    return toCharge(intent);
  }

  return {
    name: "stripe",

    async authorize(request) {
      try {
        const { idempotencyKey } = request;
        const method = await paymentMethodOf(request);
        return toCharge(await paymentIntents.create(newIntent(request, method), { idempotencyKey }));
      } catch (error) {
        return toDecline(error, request);
      }
    },

    async capture({ chargeId, idempotencyKey, amount, final }) {
      try {
        const intent = await paymentIntents.capture(
          chargeId,
          {
            amount_to_capture: toStripeAmount(amount),
            // Without it, an account that cannot capture several times takes the first one for all.
            ...(!final && { final_capture: false }),
            metadata: { [`capture_${idempotencyKey}`]: String(amount.minor) },
            expand: ["latest_charge"],
          },
          { idempotencyKey: `${idempotencyKey}/capture` },
        );
        return { charge: toCharge(intent), taken: true };
      } catch (error) {
        if (!isRefusedFor(error, "payment_intent_unexpected_state", "amount_too_large")) throw error;
        const intent = await paymentIntents.retrieve(chargeId, { expand: ["latest_charge"] });
        // The key may be older than Stripe remembers; the metadata stay.
        const taken = intent.metadata?.[`capture_${idempotencyKey}`] === String(amount.minor);
        return { charge: toCharge(intent), taken };
      }
    },

    async void(chargeId) {
      try {
        const intent = await paymentIntents.cancel(
          chargeId,
          { expand: ["latest_charge"] },
          { idempotencyKey: `${chargeId}/void` },
        );
        return toCharge(intent);
      } catch (error) {
        if (!isRefusedFor(error, "payment_intent_unexpected_state")) throw error;
        const charge = await retrieve(chargeId);
        return charge.status === "partially_captured" ? releaseRest(chargeId) : charge;
      }
    },

    async refund({ chargeId, idempotencyKey, amount }) {
      const before = await refunds.list({ payment_intent: chargeId, limit: PAGE });
      // A key that is older than Stripe remembers would give the money back once more.
      const found = before.data.find(({ metadata }) => metadata?.["refund_id"] === idempotencyKey);
      if (found !== undefined) return toRefundAnswer(found);
      try {
        const refund = await refunds.create(
          {
            payment_intent: chargeId,
            amount: toStripeAmount(amount),
            metadata: { refund_id: idempotencyKey },
          },
          { idempotencyKey: `${idempotencyKey}/refund` },
        );
        return toRefundAnswer(refund);
      } catch (error) {
        if (!isRefusedFor(error, "charge_already_refunded", "amount_too_large")) throw error;
        return { status: "failed", failureReason: error.code ?? "unknown" };
      }
    },

    get: retrieve,

    async findByIdempotencyKey(key) {
      // What was made within the last minute may not be found yet; who asks comes again later.
      const { data } = await paymentIntents.search({
        query: `metadata['payment_id']:'${key}'`,
        limit: 1,
        expand: ["data.latest_charge"],
      });
      const [intent] = data;
      return intent && toCharge(intent);
    },

    async *list(from, until) {
      const created = { gte: secondsOf(from), lt: secondsOf(until) };
      const intents = paymentIntents.list({ created, limit: PAGE, expand: ["data.latest_charge"] });
      for await (const intent of intents) yield toCharge(intent);
    },

    readWebhook(body, signature) {
      try {
        const event = stripe.webhooks.constructEvent(
          Buffer.from(body),
          signature,
          options.webhookSecret,
          TOLERANCE_S,
        );
        return { id: event.id, type: event.type, ...subjectOf(event.data.object) };
      } catch (cause) {
        throw new WebhookRefused("Stripe did not sign it, or not lately", { cause });
      }
    },
  };
}

function newIntent(
  { idempotencyKey, amount, returnUri }: AuthorizationRequest,
  method: string,
): Stripe.PaymentIntentCreateParams {
  return {
    amount: toStripeAmount(amount),
    currency: amount.currency.toLowerCase(),
    capture_method: "manual",
    confirm: true,
    payment_method_options: { card: { request_multicapture: "if_available" } },
    metadata: { payment_id: idempotencyKey },
    expand: ["latest_charge"],
    payment_method: method,
    ...(returnUri === undefined
      ? {
          error_on_requires_action: true,
          automatic_payment_methods: { enabled: true, allow_redirects: "never" },
        }
      : { return_url: returnUri }),
  };
}

/** A card that is declined, or a token that is none, is an answer; everything else is not. */
function toDecline(error: unknown, { amount, idempotencyKey }: AuthorizationRequest): Charge {
  const isCard = error instanceof Stripe.errors.StripeCardError;
  if (!isCard && !isRefusedFor(error, "resource_missing", "token_already_used")) throw error;
  const { decline_code, code, payment_intent } = error as Stripe.errors.StripeError;
  // The library gives "" where Stripe gives nothing.
  return {
    id: payment_intent?.id,
    idempotencyKey,
    status: "declined",
    amount: amount as Money,
    captured: 0n,
    refunded: 0n,
    declineReason: decline_code || code || "card_declined",
  };
}

function isRefusedFor(error: unknown, ...codes: string[]): error is Stripe.errors.StripeError {
  return error instanceof Stripe.errors.StripeInvalidRequestError && codes.includes(error.code ?? "");
}

function toRefundAnswer({ status, failure_reason }: Stripe.Refund): RefundAnswer {
  if (status === "succeeded") return { status };
  if (status === "failed" || status === "canceled") {
    return { status: "failed", failureReason: failure_reason ?? status };
  }
  return { status: "pending" };
}

/** The PaymentIntent that an event is about: its object, or what that belongs to. */
function subjectOf(object: Stripe.Event.Data.Object): {
  chargeId: string | undefined;
  idempotencyKey: string | undefined;
} {
  const {
    object: kind,
    id,
    payment_intent,
    metadata,
  } = object as {
    object?: string;
    id?: string;
    payment_intent?: string | { id: string } | null;
    metadata?: Record<string, string> | null;
  };
  const chargeId =
    kind === "payment_intent" ? id : typeof payment_intent === "string" ? payment_intent : payment_intent?.id;
  return { chargeId, idempotencyKey: metadata?.["payment_id"] };
}

function secondsOf(time: Date): number {
  return Math.floor(time.getTime() / 1_000);
}
