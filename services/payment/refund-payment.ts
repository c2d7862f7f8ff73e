import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import { PaymentRefundedSchema } from "#gen/souk/payment/v1/events_pb.ts";
import { PaymentRefundState } from "#gen/souk/payment/v1/payment_pb.ts";
import { money } from "#kit/money.ts";
import { type Scope, toTheEnd } from "#kit/scope.ts";
import { changeStoreCredit } from "./balances.ts";
import { update } from "./change-state.ts";
import type { PaymentTransaction } from "./database.ts";
import { ErrorReason, refuse } from "./errors.ts";
import { book, type Transfer } from "./ledger.ts";
import {
  endMovement,
  findMovement,
  openMovement,
  roomFor,
  type StoredMovement,
  whileUnderWay,
} from "./movements.ts";
import { customerMissing, refundParts } from "./parts.ts";
import {
  getPayment,
  lockPayment,
  meansOf,
  type Payments,
  type StoredPayment,
  stateConflict,
  unrecorded,
} from "./payment.ts";
import type { RefundAnswer } from "./provider/provider.ts";
import { refundOrder, spread } from "./split.ts";
import { stateOfTaken } from "./states.ts";

/** What is asked for. */
export interface Refund {
  /** The payment. */
  readonly id: string;
  /** Names the refund. */
  readonly refundId: string;
  /** How much; all that is left when left out. */
  readonly amount?: Money | undefined;
  /** Whether the customer gets store credit instead of what was paid with. */
  readonly toStoreCredit: boolean;
  /** Why; may be empty. */
  readonly reason: string;
}

/**
 * Gives back what was taken, once, and never more than that: the refund is stored before the provider is asked, under
 * its id as idempotency key. The card gets its money first, then store credit and gift cards.
 *
 * @returns the payment and the refund as they are then; it is PENDING while the provider works on it
 * @throws SoukError PAYMENT_NOT_FOUND, PAYMENT_STATE_CONFLICT when nothing was taken, REFUND_EXCEEDED, REFUND_MISMATCH,
 *   CUSTOMER_MISSING, or PROVIDER_UNAVAILABLE when the answer is not known: repeating the call is safe
 */
export async function refundPayment(
  payments: Payments,
  scope: Scope,
  refund: Refund,
): Promise<{ payment: StoredPayment; refund: StoredMovement }> {
  const opened = await openRefund(payments, unrecorded(scope), refund);
  const payment =
    opened.state === "PENDING"
      ? await finishRefund(payments, scope, opened)
      : await getPayment(payments.db, refund.id);
  const ended = await findMovement(payments.db.sql, "REFUND", refund.refundId);
  return { payment, refund: ended ?? opened };
}

function openRefund(
  payments: Payments,
  scope: Scope,
  { id, refundId, amount, toStoreCredit, reason }: Refund,
): Promise<StoredMovement> {
  return payments.db.write(scope, async (tx) => {
    const payment = await lockPayment(tx, id);
    const before = await findMovement(tx.sql, "REFUND", refundId);
    if (before !== undefined) {
      requireSameRefund(before, id, amount, toStoreCredit);
      return before;
    }
    if (payment.captured_minor === 0n) throw stateConflict(payment, "refunded; nothing was taken");
    if (toStoreCredit && payment.account_id === null) throw customerMissing();
    const { rooms, left } = await roomFor(tx, payment, "REFUND");
    const minor = amount?.minor ?? left;
    if (minor === 0n || minor > left || (amount?.currency ?? payment.currency) !== payment.currency) {
      throw refuse(
        ErrorReason.REFUND_EXCEEDED,
        `of payment ${id}, ${left} ${payment.currency} in minor units are left to give back; give that or less`,
        { metadata: { payment_id: id, left_minor: String(left), currency: payment.currency ?? "" } },
      );
    }
    const split = spread(minor, rooms, refundOrder(rooms.length));
    if (!toStoreCredit) {
      bookRefund(tx, payment, refundId, "refund asked for", [
        { debit: "sales-refunded", credit: "refunds-pending", minor: split[0] ?? 0n },
      ]);
    }
    return openMovement(payments, tx, {
      id: refundId,
      kind: "REFUND",
      payment_id: id,
      amount_minor: minor,
      split,
      to_store_credit: toStoreCredit,
      reason,
    });
  });
}

function requireSameRefund(
  before: StoredMovement,
  paymentId: string,
  amount: Money | undefined,
  toStoreCredit: boolean,
): void {
  const isSame =
    before.payment_id === paymentId &&
    (amount === undefined || amount.minor === before.amount_minor) &&
    before.to_store_credit === toStoreCredit;
  if (isSame) return;
  throw refuse(
    ErrorReason.REFUND_MISMATCH,
    `refund ${before.id} gave back ${before.amount_minor} in minor units of payment ${before.payment_id}; use a new id for another one`,
    { metadata: { payment_id: before.payment_id, refund_id: before.id } },
  );
}

/**
 * Asks the provider for a refund that is under way, and records the answer.
 *
 * @returns the payment as it is then
 * @throws SoukError PROVIDER_UNAVAILABLE
 */
export async function finishRefund(
  payments: Payments,
  call: Scope,
  movement: StoredMovement,
): Promise<StoredPayment> {
  const scope = toTheEnd(call);
  const payment = await getPayment(payments.db, movement.payment_id);
  const answer = await askForRefund(payments, scope, payment, movement);
  if (answer.status === "pending") return payment;
  return payments.db.write(scope, async (tx) => {
    const locked = await lockPayment(tx, payment.id);
    const failure = answer.status === "failed" ? (answer.failureReason ?? "unknown") : undefined;
    if (!(await endMovement(tx, movement, failure))) return locked;
    tx.emit(PaymentRefundedSchema, {
      paymentId: payment.id,
      refundId: movement.id,
      amount: money(movement.amount_minor, payment.currency as string),
      state: failure === undefined ? PaymentRefundState.SUCCEEDED : PaymentRefundState.FAILED,
    });
    return failure === undefined ? recordRefund(tx, locked, movement) : undoRefund(tx, locked, movement);
  });
}

async function askForRefund(
  payments: Payments,
  scope: Scope,
  payment: StoredPayment,
  { id, split, to_store_credit }: StoredMovement,
): Promise<RefundAnswer> {
  const card = split[0] ?? 0n;
  if (to_store_credit || card === 0n) return { status: "succeeded" };
  const request = {
    chargeId: payment.provider_charge_id as string,
    idempotencyKey: id,
    amount: money(card, payment.currency as string),
  };
  return payments.ask(scope, (provider, signal) => provider.refund(request, signal));
}

/**
 * Records money that was given back, with its entry in the books.
 *
 * @param payment the payment, locked
 * @param movement the refund, which has just succeeded
 */
export async function recordRefund(
  tx: PaymentTransaction,
  payment: StoredPayment,
  { id: refundId, amount_minor: minor, split, to_store_credit: toStoreCredit }: StoredMovement,
): Promise<StoredPayment> {
  const currency = payment.currency as string;
  const card = split[0] ?? 0n;
  const transfers: Transfer[] =
    meansOf(payment) > 0n ? await refundParts(tx, payment, split, !toStoreCredit) : [];
  if (toStoreCredit) {
    const holder = payment.account_id as string;
    await changeStoreCredit(tx, { holderId: holder, minor, currency });
    transfers.push({ debit: "sales-refunded", credit: "store-credit", minor, holder });
  } else {
    transfers.push({ debit: "refunds-pending", credit: "provider-clearing", minor: card });
  }
  bookRefund(tx, payment, refundId, "refunded", transfers);
  const refunded = payment.refunded_minor + minor;
  const isOpen = payment.state === "PARTIALLY_CAPTURED";
  return update(tx, payment.id, {
    state: isOpen ? payment.state : stateOfTaken(0n, payment.captured_minor, refunded),
    card_refunded_minor: payment.card_refunded_minor + card,
    refunded_minor: refunded,
    reconcile_time: whileUnderWay(payment.id),
  });
}

function undoRefund(
  tx: PaymentTransaction,
  payment: StoredPayment,
  { id, split }: StoredMovement,
): Promise<StoredPayment> {
  bookRefund(tx, payment, id, "refund failed", [
    { debit: "refunds-pending", credit: "sales-refunded", minor: split[0] ?? 0n },
  ]);
  return update(tx, payment.id, { state: payment.state, reconcile_time: whileUnderWay(payment.id) });
}

function bookRefund(
  tx: PaymentTransaction,
  { id, currency }: StoredPayment,
  referenceId: string,
  description: string,
  transfers: readonly Transfer[],
): void {
  book(tx, { paymentId: id, referenceId, description, currency: currency as string, transfers });
}
