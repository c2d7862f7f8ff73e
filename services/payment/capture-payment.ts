import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import { PaymentCapturedSchema } from "#gen/souk/payment/v1/events_pb.ts";
import { money } from "#kit/money.ts";
import { type Scope, toTheEnd } from "#kit/scope.ts";
import { free, update } from "./change-state.ts";
import type { PaymentTransaction } from "./database.ts";
import { ErrorReason, refuse } from "./errors.ts";
import { book } from "./ledger.ts";
import {
  endMovement,
  findMovement,
  openMovement,
  roomFor,
  type StoredMovement,
  whileUnderWay,
} from "./movements.ts";
import { listParts, takeParts } from "./parts.ts";
import {
  getPayment,
  lockPayment,
  meansOf,
  type Payments,
  type StoredPayment,
  stateConflict,
  unrecorded,
} from "./payment.ts";
import type { CaptureAnswer } from "./provider/provider.ts";
import { payingOrder, spread } from "./split.ts";
import { stateOfTaken } from "./states.ts";

/** What is asked for. */
export interface Capture {
  /** The payment. */
  readonly id: string;
  /** Names the capture; needed with an amount. */
  readonly captureId?: string | undefined;
  /** How much; all that is still set aside when left out. */
  readonly amount?: Money | undefined;
}

/**
 * Takes money of an authorized payment, once: the capture is stored before the provider is asked, under its id as
 * idempotency key. Gift cards and store credit give first, the card gives the rest.
 *
 * @returns the payment as it is then
 * @throws SoukError PAYMENT_NOT_FOUND, PAYMENT_STATE_CONFLICT when it is not authorized, AUTHORIZATION_EXPIRED,
 *   CAPTURE_EXCEEDED, CAPTURE_MISMATCH, CAPTURE_ID_MISSING, or PROVIDER_UNAVAILABLE when the answer is not known:
 *   repeating the call is safe
 */
export async function capturePayment(
  payments: Payments,
  scope: Scope,
  capture: Capture,
): Promise<StoredPayment> {
  if (capture.amount !== undefined && capture.captureId === undefined) {
    throw refuse(
      ErrorReason.CAPTURE_ID_MISSING,
      "a capture with an amount needs a capture_id; make one up and keep it for repetitions",
    );
  }
  const movement = await openCapture(payments, unrecorded(scope), capture);
  if (movement === undefined || movement.state === "SUCCEEDED") return getPayment(payments.db, capture.id);
  const payment = await finishCapture(payments, scope, movement);
  const { state } = (await findMovement(payments.db.sql, "CAPTURE", movement.id)) as StoredMovement;
  if (state !== "SUCCEEDED") throw stateConflict(payment, "captured");
  return payment;
}

/** @returns undefined when everything is taken already and no particular capture is asked for */
function openCapture(
  payments: Payments,
  scope: Scope,
  { id, captureId, amount }: Capture,
): Promise<StoredMovement | undefined> {
  return payments.db.write(scope, async (tx) => {
    const payment = await lockPayment(tx, id);
    const before = await findMovement(tx.sql, "CAPTURE", captureId ?? id);
    if (before !== undefined && before.state !== "FAILED") {
      requireSameCapture(before, id, amount);
      if (captureId !== undefined || before.state === "PENDING") return before;
    }
    const { rooms, left } = await roomFor(tx, payment, "CAPTURE");
    if (captureId === undefined && left === 0n && payment.captured_minor > 0n) return undefined;
    if (payment.state !== "AUTHORIZED" && payment.state !== "PARTIALLY_CAPTURED") {
      if (payment.captured_minor > 0n) throw exceeded(payment, left);
      throw stateConflict(payment, "captured");
    }
    if (before?.state === "FAILED")
      throw stateConflict(payment, "captured under an id that failed; use a new one");
    const minor = amount?.minor ?? left;
    if (minor === 0n || minor > left || (amount?.currency ?? payment.currency) !== payment.currency) {
      throw exceeded(payment, left);
    }
    const split = spread(minor, rooms, payingOrder(rooms.length));
    return openMovement(payments, tx, {
      id: captureId ?? id,
      kind: "CAPTURE",
      payment_id: id,
      amount_minor: minor,
      split,
    });
  });
}

function requireSameCapture(before: StoredMovement, paymentId: string, amount: Money | undefined): void {
  const isSame =
    before.payment_id === paymentId && (amount === undefined || amount.minor === before.amount_minor);
  if (isSame) return;
  throw refuse(
    ErrorReason.CAPTURE_MISMATCH,
    `capture ${before.id} took ${before.amount_minor} in minor units of payment ${before.payment_id}; use a new id for another one`,
    { metadata: { payment_id: before.payment_id, capture_id: before.id } },
  );
}

function exceeded({ id, currency }: StoredPayment, left: bigint) {
  return refuse(
    ErrorReason.CAPTURE_EXCEEDED,
    `of payment ${id}, ${left} ${currency} in minor units are left to take; take that or less`,
    { metadata: { payment_id: id, left_minor: String(left), currency: currency ?? "" } },
  );
}

/**
 * Asks the provider for a capture that is under way, and records the answer.
 *
 * @returns the payment as it is then
 * @throws SoukError PROVIDER_UNAVAILABLE
 */
export async function finishCapture(
  payments: Payments,
  call: Scope,
  movement: StoredMovement,
): Promise<StoredPayment> {
  const scope = toTheEnd(call);
  const payment = await getPayment(payments.db, movement.payment_id);
  const answer = await askForCapture(payments, scope, payment, movement);
  // Where somebody gives the payment up meanwhile, the provider decides who comes first.
  if (answer !== undefined && !answer.taken) {
    if (answer.charge.status !== "voided") return failCapture(payments, scope, movement);
    return free(payments, scope, payment.id, { to: "VOIDED", chargeId: answer.charge.id });
  }
  return payments.db.write(scope, async (tx) => {
    const locked = await lockPayment(tx, payment.id);
    return (await endMovement(tx, movement, undefined)) ? bookCapture(tx, locked, movement) : locked;
  });
}

async function askForCapture(
  payments: Payments,
  scope: Scope,
  payment: StoredPayment,
  { id, split }: StoredMovement,
): Promise<CaptureAnswer | undefined> {
  const card = split[0] ?? 0n;
  if (card === 0n) return undefined;
  const request = {
    chargeId: payment.provider_charge_id as string,
    idempotencyKey: id,
    amount: money(card, payment.currency as string),
    final: card === payment.card_open_minor,
  };
  return payments.ask(scope, (provider, signal) => provider.capture(request, signal));
}

function failCapture(payments: Payments, scope: Scope, movement: StoredMovement): Promise<StoredPayment> {
  return payments.db.write(unrecorded(scope), async (tx) => {
    const payment = await lockPayment(tx, movement.payment_id);
    if (!(await endMovement(tx, movement, "the provider has less set aside"))) return payment;
    return update(tx, payment.id, { state: payment.state, reconcile_time: whileUnderWay(payment.id) });
  });
}

/**
 * Records money that was taken, with its entry in the books and the event that tells of it.
 *
 * @param payment the payment, locked
 * @param movement the capture, which has just succeeded
 */
export async function bookCapture(
  tx: PaymentTransaction,
  payment: StoredPayment,
  { id: captureId, amount_minor: minor, split }: StoredMovement,
): Promise<StoredPayment> {
  const { id } = payment;
  const currency = payment.currency as string;
  const card = split[0] ?? 0n;
  const parts = meansOf(payment) > 0n ? await takeParts(tx, payment, split) : [];
  book(tx, {
    paymentId: id,
    referenceId: captureId,
    description: "captured",
    currency,
    transfers: [
      { debit: "authorizations", credit: "provider-authorized", minor: card },
      { debit: "provider-clearing", credit: "sales", minor: card },
      ...parts,
    ],
  });
  tx.emit(PaymentCapturedSchema, { paymentId: id, amount: money(minor, currency), captureId });
  const open = (await listParts(tx.sql, [payment])).reduce(
    (sum, part) => sum + part.open_minor,
    payment.card_open_minor - card,
  );
  const captured = payment.captured_minor + minor;
  return update(tx, id, {
    state: stateOfTaken(open, captured, payment.refunded_minor),
    card_open_minor: payment.card_open_minor - card,
    card_captured_minor: payment.card_captured_minor + card,
    captured_minor: captured,
    ...(open === 0n && { expire_time: null }),
    reconcile_time: whileUnderWay(id),
  });
}
