import type Stripe from "stripe";
import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import { money } from "#kit/money.ts";
import type { Charge } from "./provider.ts";

/** Currencies without minor units that Stripe counts in hundredths all the same (docs.stripe.com/currencies). */
const COUNTED_IN_HUNDREDTHS: ReadonlySet<string> = new Set(["ISK", "UGX"]);
/** How long Stripe holds money where the charge does not say, in ms. */
const HOLD_MS = 7 * 24 * 3_600_000;
/** How long customers have to confirm, in ms; Stripe itself never gives up. */
const CONFIRM_MS = 24 * 3_600_000;

/**
 * An amount as Stripe counts it.
 *
 * @throws RangeError when it is more than Stripe takes
 */
export function toStripeAmount({ minor, currency }: Money): number {
  const amount = minor * factorOf(currency);
  if (amount > BigInt(Number.MAX_SAFE_INTEGER))
    throw new RangeError(`${minor} ${currency} is too much for Stripe`);
  return Number(amount);
}

/**
 * An amount as we count it.
 *
 * @param currency an ISO 4217 code, in lower case as Stripe writes it
 */
export function fromStripeAmount(amount: number, currency: string): Money {
  const code = currency.toUpperCase();
  return money(BigInt(amount) / factorOf(code), code);
}

function factorOf(currency: string): bigint {
  return COUNTED_IN_HUNDREDTHS.has(currency) ? 100n : 1n;
}

/** A PaymentIntent as a charge; its latest charge must be expanded. */
export function toCharge(intent: Stripe.PaymentIntent): Charge {
  const { currency, created } = intent;
  const latest = typeof intent.latest_charge === "string" ? null : intent.latest_charge;
  const asOurs = (amount: number) => fromStripeAmount(amount, currency).minor;
  const status = statusOf(intent);
  const madeAt = created * 1_000;
  const captureBefore = latest?.payment_method_details?.card?.capture_before;
  return {
    id: intent.id,
    idempotencyKey: intent.metadata?.["payment_id"],
    status,
    amount: fromStripeAmount(intent.amount, currency),
    captured: asOurs(intent.amount_received),
    refunded: asOurs(latest?.captured === true ? latest.amount_refunded : 0),
    declineReason:
      status === "declined"
        ? (intent.last_payment_error?.decline_code ?? intent.last_payment_error?.code ?? "card_declined")
        : undefined,
    actionUri: intent.next_action?.redirect_to_url?.url ?? undefined,
    expireTime:
      status === "action_required"
        ? new Date(madeAt + CONFIRM_MS)
        : new Date(captureBefore === undefined ? madeAt + HOLD_MS : captureBefore * 1_000),
  };
}

function statusOf({ status, amount_received }: Stripe.PaymentIntent): Charge["status"] {
  switch (status) {
    case "requires_action":
    case "requires_confirmation":
    case "processing":
      return "action_required";
    case "requires_capture":
      return amount_received > 0 ? "partially_captured" : "authorized";
    case "succeeded":
      return "captured";
    case "canceled":
      return amount_received > 0 ? "captured" : "voided";
    default:
      // Without a means of payment that works, nothing becomes of it any more.
      return "declined";
  }
}
