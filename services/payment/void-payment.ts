import type { Scope } from "#kit/scope.ts";
import { giveUpUncharged, recordCharge } from "./change-state.ts";
import { findPayment, type Payments, type StoredPayment, stateConflict } from "./payment.ts";

/**
 * Gives up a payment, so that no money stays set aside for it. One that is not known is remembered
 * as void, so that one that arrives late is refused. One that was declined needs nothing.
 *
 * @throws SoukError PAYMENT_STATE_CONFLICT when it is captured, PROVIDER_UNAVAILABLE when the
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
      case "AUTHORIZED":
        payment = await release(payments, scope, payment);
        break;
      case "CAPTURED":
        throw stateConflict(payment, "voided; refund it");
      case "VOIDED":
      case "DECLINED":
        return;
    }
  }
}

async function leaveTombstone({ db }: Payments, id: string): Promise<StoredPayment | undefined> {
  const stored = await db.sql
    .insertInto("payment")
    .values({ id, state: "VOIDED" })
    .onConflict((conflict) => conflict.column("id").doNothing())
    .returningAll()
    .executeTakeFirst();
  return stored ?? (await findPayment(db, id));
}

async function release(payments: Payments, scope: Scope, payment: StoredPayment): Promise<StoredPayment> {
  const { ask } = payments;
  const { id } = payment;
  const chargeId =
    payment.provider_charge_id ??
    (await ask(scope, (provider, signal) => provider.findByIdempotencyKey(id, signal)))?.id;
  if (chargeId === undefined) return giveUpUncharged(payments, scope, payment);
  const charge = await ask(scope, (provider, signal) => provider.void(chargeId, signal));
  return recordCharge(payments, scope, payment, charge);
}
