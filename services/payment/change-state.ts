import { sql } from "kysely";
import {
  PaymentAuthorizedSchema,
  PaymentCapturedSchema,
  PaymentVoidedSchema,
} from "#gen/souk/payment/v1/events_pb.ts";
import type { Scope } from "#kit/scope.ts";
import { amountOf, getPayment, type Payments, type StoredPayment } from "./payment.ts";
import type { Charge } from "./provider/provider.ts";
import { type PaymentStateName, PREDECESSORS } from "./states.ts";

/** What is learned about a payment with its new state. */
type Facts = Partial<Pick<StoredPayment, "provider_charge_id" | "decline_reason">>;

const STATE_OF_CHARGE = {
  authorized: "AUTHORIZED",
  captured: "CAPTURED",
  voided: "VOIDED",
  declined: "DECLINED",
} as const satisfies Record<Charge["status"], PaymentStateName>;

/**
 * Records what the provider said of the charge of a payment, with the event that tells of it. Where
 * the payment has moved on meanwhile, it stays as it is.
 *
 * @param payment the payment, in whatever state; what it is about never changes
 * @param charge what the provider said
 * @returns the payment as it is then
 */
export function recordCharge(
  payments: Payments,
  scope: Scope,
  payment: StoredPayment,
  charge: Charge,
): Promise<StoredPayment> {
  const state = STATE_OF_CHARGE[charge.status];
  const facts = { provider_charge_id: charge.id, decline_reason: charge.declineReason ?? null };
  return changeState(payments, scope, payment, {
    from: PREDECESSORS[state],
    to: state,
    facts,
    watchForCharge: false,
  });
}

/**
 * Gives up a payment for which the provider has no charge. It may still be working on one, so the
 * provider is asked again later.
 *
 * @param payment the payment
 * @returns the payment as it is then: VOIDED, unless it moved on meanwhile
 */
export function giveUpUncharged(
  payments: Payments,
  scope: Scope,
  payment: StoredPayment,
): Promise<StoredPayment> {
  return changeState(payments, scope, payment, {
    from: ["PENDING"],
    to: "VOIDED",
    facts: {},
    watchForCharge: true,
  });
}

interface Change {
  readonly from: readonly PaymentStateName[];
  readonly to: PaymentStateName;
  readonly facts: Facts;
  /** Whether a charge may still turn up at the provider. */
  readonly watchForCharge: boolean;
}

async function changeState(
  { db, reconcileAfterMs }: Payments,
  scope: Scope,
  payment: StoredPayment,
  { from, to, facts, watchForCharge }: Change,
): Promise<StoredPayment> {
  const { id } = payment;
  const amount = amountOf(payment);
  const change = db.sql
    .updateTable("payment")
    .set({
      ...facts,
      state: to,
      update_time: sql<Date>`now()`,
      reconcile_time: watchForCharge ? fromNow(reconcileAfterMs) : null,
    })
    .where("id", "=", id)
    .where("state", "in", from)
    .returningAll()
    .compile();
  const [changed] = await db.change(scope, change, (tx) => {
    if (to === "AUTHORIZED") tx.emit(PaymentAuthorizedSchema, { paymentId: id, amount });
    if (to === "CAPTURED") tx.emit(PaymentCapturedSchema, { paymentId: id, amount });
    if (to === "VOIDED") tx.emit(PaymentVoidedSchema, { paymentId: id });
  });
  return changed ?? (await getPayment(db, id));
}

/** A moment by the database's clock. */
export function fromNow(ms: number) {
  return sql<Date>`now() + ${ms} * interval '1 millisecond'`;
}
