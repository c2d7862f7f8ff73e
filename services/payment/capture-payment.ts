import type { Scope } from "#kit/scope.ts";
import { recordCharge } from "./change-state.ts";
import { getPayment, type Payments, type StoredPayment, stateConflict } from "./payment.ts";

/**
 * Takes the money of an authorized payment, once.
 *
 * @returns the payment as captured
 * @throws SoukError PAYMENT_NOT_FOUND, PAYMENT_STATE_CONFLICT when it is not authorized, or
 *   PROVIDER_UNAVAILABLE when the answer is not known: repeating the call is safe
 */
export async function capturePayment(payments: Payments, scope: Scope, id: string): Promise<StoredPayment> {
  const payment = await getPayment(payments.db, id);
  if (payment.state === "CAPTURED") return payment;
  const chargeId = payment.provider_charge_id;
  if (payment.state !== "AUTHORIZED" || chargeId === null) throw stateConflict(payment, "captured");

  // Where somebody gives the payment up meanwhile, the provider decides who comes first.
  const charge = await payments.ask(scope, (provider, signal) => provider.capture(chargeId, signal));
  const recorded = await recordCharge(payments, scope, payment, charge);
  if (recorded.state !== "CAPTURED") throw stateConflict(recorded, "captured");
  return recorded;
}
