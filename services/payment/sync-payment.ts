import { uuidv7 } from "uuidv7";
import { PaymentRefundedSchema } from "#gen/souk/payment/v1/events_pb.ts";
import { PaymentRefundState } from "#gen/souk/payment/v1/payment_pb.ts";
import { money } from "#kit/money.ts";
import type { Scope } from "#kit/scope.ts";
import { bookCapture, finishCapture } from "./capture-payment.ts";
import { free, recordCharge } from "./change-state.ts";
import type { PaymentTransaction } from "./database.ts";
import { book } from "./ledger.ts";
import { type MovementKind, openMovement, roomFor, type StoredMovement } from "./movements.ts";
import { getPayment, lockPayment, type Payments, type StoredPayment } from "./payment.ts";
import type { Charge } from "./provider/provider.ts";
import { finishRefund, recordRefund } from "./refund-payment.ts";

/**
 * Asks the provider how a payment stands and takes that over: its answer to what we asked for, and what was done
 * there without us.
 *
 * @returns the payment as it is then
 * @throws SoukError PAYMENT_NOT_FOUND, PROVIDER_UNAVAILABLE
 */
export async function syncPayment(payments: Payments, scope: Scope, id: string): Promise<StoredPayment> {
  const payment = await getPayment(payments.db, id);
  if (payment.card_minor === 0n) return payment;
  const charge = await lookUp(payments, scope, payment);
  return charge === undefined ? payment : takeOver(payments, scope, payment, charge);
}

/** The charge of a payment, when there is one. */
export function lookUp(
  { ask }: Payments,
  scope: Scope,
  { id, provider_charge_id: chargeId }: StoredPayment,
): Promise<Charge | undefined> {
  return ask<Charge | undefined>(scope, (provider, signal) =>
    chargeId === null ? provider.findByIdempotencyKey(id, signal) : provider.get(chargeId, signal),
  );
}

/**
 * Takes over how a charge is at the provider.
 *
 * @param payment the payment, in whatever state
 * @param charge its charge
 * @returns the payment as it is then
 * @throws SoukError PROVIDER_UNAVAILABLE
 */
export async function takeOver(
  payments: Payments,
  scope: Scope,
  payment: StoredPayment,
  charge: Charge,
): Promise<StoredPayment> {
  const { id } = payment;
  await recordCharge(payments, scope, payment, charge);
  const finished = await finishMovements(payments, scope, id);
  const current = finished
    ? ((await lookUp(payments, scope, await getPayment(payments.db, id))) ?? charge)
    : charge;
  await takeOverMovement(payments, scope, id, "CAPTURE", current);
  await takeOverMovement(payments, scope, id, "REFUND", current);
  const taken = await getPayment(payments.db, id);
  const isClosedThere = current.status === "captured" && taken.card_open_minor > 0n;
  return isClosedThere && taken.state === "PARTIALLY_CAPTURED"
    ? free(payments, scope, id, { to: "VOIDED" })
    : taken;
}

/**
 * Asks again for captures and refunds that are under way: under their ids they happen once.
 *
 * @returns whether there were any
 * @throws SoukError PROVIDER_UNAVAILABLE
 */
export async function finishMovements(payments: Payments, scope: Scope, id: string): Promise<boolean> {
  const pending = await payments.db.sql
    .selectFrom("payment_movement")
    .selectAll()
    .where("payment_id", "=", id)
    .where("state", "=", "PENDING")
    .orderBy("seq")
    .execute();
  for (const movement of pending) {
    await (movement.kind === "CAPTURE" ? finishCapture : finishRefund)(payments, scope, movement);
  }
  return pending.length > 0;
}

/** Books what the provider took or gave back without being asked by us, for example from its own console. */
function takeOverMovement(
  payments: Payments,
  scope: Scope,
  paymentId: string,
  kind: MovementKind,
  charge: Charge,
): Promise<void> {
  return payments.db.write(scope, async (tx) => {
    const payment = await lockPayment(tx, paymentId);
    const { movements, rooms } = await roomFor(tx, payment, kind);
    const ours = movements.filter((each) => each.kind === kind && !each.to_store_credit);
    // What is under way may be what the provider shows; whoever asked for it records it.
    if (ours.some(({ state }) => state === "PENDING")) return;
    const booked = ours
      .filter(({ state }) => state === "SUCCEEDED")
      .reduce((sum, { split }) => sum + (split[0] ?? 0n), 0n);
    const surplus = (kind === "CAPTURE" ? charge.captured : charge.refunded) - booked;
    if (surplus <= 0n || surplus > (rooms[0] ?? 0n)) return;
    const found = await openMovement(payments, tx, {
      id: uuidv7(),
      kind,
      payment_id: paymentId,
      state: "SUCCEEDED",
      amount_minor: surplus,
      split: rooms.map((_, position) => (position === 0 ? surplus : 0n)),
      reason: "found at the provider",
    });
    scope.log.warn(
      { paymentId, kind, minor: String(surplus) },
      "the provider moved money that we did not ask for",
    );
    await (kind === "CAPTURE" ? bookCapture : bookFoundRefund)(tx, payment, found);
  });
}

function bookFoundRefund(
  tx: PaymentTransaction,
  payment: StoredPayment,
  refund: StoredMovement,
): Promise<StoredPayment> {
  const currency = payment.currency as string;
  const { id: paymentId } = payment;
  const { id: refundId, amount_minor: minor } = refund;
  book(tx, {
    paymentId,
    referenceId: refundId,
    description: "refund found at the provider",
    currency,
    transfers: [{ debit: "sales-refunded", credit: "refunds-pending", minor }],
  });
  tx.emit(PaymentRefundedSchema, {
    paymentId,
    refundId,
    amount: money(minor, currency),
    state: PaymentRefundState.SUCCEEDED,
  });
  return recordRefund(tx, payment, refund);
}
