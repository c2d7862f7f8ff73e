import { type Scope, toTheEnd } from "#kit/scope.ts";
import { free, recordCharge } from "./change-state.ts";
import { findPayment, type Payments, type StoredPayment, stateConflict } from "./payment.ts";
import { takeOver } from "./sync-payment.ts";

/**
 * Gives up a payment, so that no money stays set aside for it. What was taken of it already stays
 * taken. One that is not known is remembered as void, so that one that arrives late is refused. One
 * that was declined, or expired, needs nothing.
 *
 * @throws SoukError PAYMENT_STATE_CONFLICT when all of it is captured, PROVIDER_UNAVAILABLE when the
 *   provider is needed and does not answer: repeating the call is safe, and necessary
 */
export async function voidPayment(payments: Payments, scope: Scope, id: string): Promise<void> {
  let payment = await findPayment(payments.db, id);
  for (;;) {
    switch (payment?.state) {
      case undefined:
        payment = await leaveTombstone(payments, id);
        break;
      case "PENDING":
      case "ACTION_REQUIRED":
      case "AUTHORIZED":
        payment = await release(payments, scope, payment);
        break;
      case "PARTIALLY_CAPTURED":
        payment = await release(payments, scope, payment);
        // Where the card's share was taken at the provider, gift cards and store credit still hold theirs.
        if (payment.state === "PARTIALLY_CAPTURED") await free(payments, scope, id, { to: "VOIDED" });
        return;
      case "CAPTURED":
      case "PARTIALLY_REFUNDED":
      case "REFUNDED":
        throw stateConflict(payment, "voided; refund it");
      case "VOIDED":
      case "DECLINED":
      case "EXPIRED":
        return;
    }
  }
}

async function leaveTombstone({ db }: Payments, id: string): Promise<StoredPayment | undefined> {
  const stored = await db.sql
    .insertInto("payment")
    .values({ id, state: "VOIDED", provider: "" })
    .onConflict((conflict) => conflict.column("id").doNothing())
    .returningAll()
    .executeTakeFirst();
  return stored ?? (await findPayment(db, id));
}

async function release(payments: Payments, call: Scope, payment: StoredPayment): Promise<StoredPayment> {
  const scope = toTheEnd(call);
  const { ask } = payments;
  const { id } = payment;
  if (payment.card_minor === 0n) return free(payments, scope, id, { to: "VOIDED" });
  const chargeId =
    payment.provider_charge_id ??
    (await ask(scope, (provider, signal) => provider.findByIdempotencyKey(id, signal)))?.id;
  if (chargeId === undefined) return free(payments, scope, id, { to: "VOIDED", watchForCharge: true });
  const charge = await ask(scope, (provider, signal) => provider.void(chargeId, signal));
  if (charge.status === "captured") return takeOver(payments, scope, payment, charge);
  if (charge.status !== "voided" && charge.status !== "declined") {
    throw new Error(`the provider was told to give up charge ${chargeId}, but it is ${charge.status}`);
  }
  return recordCharge(payments, scope, payment, charge);
}
