import type { Scope } from "#kit/scope.ts";
import { recordCharge, refuseDeclined } from "./change-state.ts";
import { ErrorReason, refuse } from "./errors.ts";
import { declined, getPayment, type Payments, type StoredPayment, stateConflict } from "./payment.ts";
import { lookUp } from "./sync-payment.ts";

/** When the customer may have decided, in ms. */
const RETRY_AFTER_MS = 2_000;

/**
 * Asks the provider whether the customer confirmed a payment there. One that needs no confirmation, or has it, is
 * answered as it is.
 *
 * @returns the payment, its money set aside
 * @throws SoukError PAYMENT_NOT_FOUND, CONFIRMATION_PENDING, PAYMENT_DECLINED, PAYMENT_STATE_CONFLICT when it was given
 *   up or not asked for yet, AUTHORIZATION_EXPIRED, PROVIDER_UNAVAILABLE
 */
export async function confirmPayment(payments: Payments, scope: Scope, id: string): Promise<StoredPayment> {
  const payment = await getPayment(payments.db, id);
  if (payment.state !== "ACTION_REQUIRED") return answerOf(payment);
  const charge = await lookUp(payments, scope, payment);
  if (charge === undefined) return answerOf(payment);
  const record = charge.status === "declined" ? refuseDeclined : recordCharge;
  return answerOf(await record(payments, scope, payment, charge));
}

function answerOf(payment: StoredPayment): StoredPayment {
  const { id, state } = payment;
  switch (state) {
    case "ACTION_REQUIRED":
      throw refuse(
        ErrorReason.CONFIRMATION_PENDING,
        `the customer has not confirmed payment ${id} yet; send the browser to the address that it was answered with`,
        { metadata: { payment_id: id }, retryAfterMs: RETRY_AFTER_MS },
      );
    case "DECLINED":
      throw declined(payment);
    case "PENDING":
    case "VOIDED":
    case "EXPIRED":
      throw stateConflict(payment, "confirmed");
    default:
      return payment;
  }
}
