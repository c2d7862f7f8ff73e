import { uuidv7 } from "uuidv7";
import { type PaymentRefund, PaymentRefundState, PaymentService } from "#gen/souk/payment/v1/payment_pb.ts";
import { isRetryable, toSoukError } from "#kit/error.ts";
import { money } from "#kit/money.ts";
import type { Scope } from "#kit/scope.ts";
import { ErrorReason, refuse } from "../errors.ts";
import type { StoredOrder } from "../order-parts.ts";
import { captureError, refundError, refundOfNothing, voidOfTaken } from "../translate-error.ts";
import type { StoredPayment } from "./after-sale.ts";

/** An amount of a payment that is taken or given back, under an id of its own; in minor units. */
export type Share = {
  readonly paymentId: string;
  readonly movementId: string;
  readonly amount: bigint;
};

/** What is taken of a payment of an order; what was exchanged for goods is taken already. */
export type Taking = Share & {
  readonly exchanged: boolean;
  /** The refund with which it goes back should nothing be sent. */
  readonly refundId: string;
};

/** What is left of a payment of an order and set free; what was exchanged for goods is given back. */
export type Freeing = Share & { readonly exchanged: boolean };

/** What an order has to pay with: all but what was taken, in minor units. */
export function leftToTake({ payments }: Pick<StoredOrder, "payments">): bigint {
  return payments.reduce((sum, payment) => sum + openOf(payment), 0n);
}

function openOf({ amount, captured }: StoredPayment): bigint {
  return BigInt(amount) - BigInt(captured);
}

/**
 * Spreads what is to be taken over the payments of an order, the first one first.
 *
 * @param order the order, locked
 * @param amount in minor units
 * @param captureId of what is taken of the first one
 */
export function planTaking(order: StoredOrder, amount: bigint, captureId: string): Taking[] {
  return spread(order, amount, openOf).map(({ paymentId, exchanged, share }, index) => ({
    paymentId,
    movementId: index === 0 ? captureId : uuidv7(),
    amount: share,
    exchanged,
    refundId: uuidv7(),
  }));
}

/**
 * Spreads what is to be given back over the payments of an order, the first one first.
 *
 * @param order the order, locked
 * @param amount in minor units; no more than is left of what was taken
 * @param refundId of what is given back of the first one
 */
export function planGivingBack(order: StoredOrder, amount: bigint, refundId: string): Share[] {
  const leftOf = ({ captured, refunded }: StoredPayment) => BigInt(captured) - BigInt(refunded);
  return spread(order, amount, leftOf).map(({ paymentId, share }, index) => ({
    paymentId,
    movementId: index === 0 ? refundId : uuidv7(),
    amount: share,
  }));
}

/**
 * What is left of the payments of an order once something is taken: first what is only set aside, for only that may
 * turn out to be taken. What goods pay that are not back is no money to give back.
 *
 * @param order the order, locked
 * @param takings what is taken of it
 * @param isBack whether the goods are back that the order replaces, where it does
 */
export function planFreeing(order: StoredOrder, takings: readonly Taking[], isBack: boolean): Freeing[] {
  return withCaptured(order, takings)
    .map((payment) => ({ ...payment, amount: openOf(payment), movementId: uuidv7() }))
    .filter(({ amount, exchanged }) => amount > 0n && (isBack || !exchanged))
    .map(({ paymentId, movementId, amount, exchanged }) => ({ paymentId, movementId, amount, exchanged }))
    .sort((a, b) => Number(a.exchanged) - Number(b.exchanged));
}

function spread(
  { id, payments }: StoredOrder,
  amount: bigint,
  roomIn: (payment: StoredPayment) => bigint,
): (StoredPayment & { readonly share: bigint })[] {
  let left = amount;
  const shares = payments.map((payment) => {
    const room = roomIn(payment);
    const share = room < left ? room : left;
    left -= share;
    return { ...payment, share };
  });
  if (left > 0n) throw new Error(`order ${id} has ${left} less in its payments than ${amount}`);
  return shares.filter(({ share }) => share > 0n);
}

/**
 * The payments of an order once something is taken of them.
 *
 * @param order the order
 * @param takings what is taken
 */
export function withCaptured({ payments }: Pick<StoredOrder, "payments">, takings: readonly Taking[]) {
  return payments.map((payment): StoredPayment => {
    return { ...payment, captured: String(BigInt(payment.captured) + amountOf(takings, payment)) };
  });
}

/**
 * The payments of an order once something of what was taken is given back, or is being.
 *
 * @param order the order
 * @param shares what is given back
 */
export function withRefunded(
  { payments }: Pick<StoredOrder, "payments">,
  shares: readonly Pick<Share, "paymentId" | "amount">[],
) {
  return payments.map((payment): StoredPayment => {
    return { ...payment, refunded: String(BigInt(payment.refunded) + amountOf(shares, payment)) };
  });
}

/**
 * The payments of an order once what is left of some is free; those of which nothing was taken are none any more.
 *
 * @param order the order
 * @param freeings what was to be set free
 * @param kept payments of which that could not be
 */
export function withoutRest(
  { payments }: Pick<StoredOrder, "payments">,
  freeings: readonly Freeing[],
  kept: readonly string[] = [],
) {
  const freed = freeings.map(({ paymentId }) => paymentId).filter((id) => !kept.includes(id));
  return payments
    .map((payment) =>
      freed.includes(payment.paymentId) ? { ...payment, amount: payment.captured } : payment,
    )
    .filter(({ amount }) => BigInt(amount) > 0n);
}

/** No order has a payment twice. */
function amountOf(
  shares: readonly Pick<Share, "paymentId" | "amount">[],
  { paymentId }: StoredPayment,
): bigint {
  return shares.find((it) => it.paymentId === paymentId)?.amount ?? 0n;
}

/**
 * Takes money, all of it or none.
 *
 * @param scope the step of a saga
 * @param takings what is taken of which payment
 * @param currency an ISO 4217 code
 * @throws SoukError PAYMENT_NOT_TAKEN, or what was caught where it is not known what payment did
 */
export async function take(scope: Scope, takings: readonly Taking[], currency: string): Promise<void> {
  const payments = scope.mesh(PaymentService);
  const open = takings.filter(({ exchanged }) => !exchanged);
  for (const [index, { paymentId, movementId: captureId, amount }] of open.entries()) {
    try {
      await payments.capturePayment({ paymentId, captureId, amount: money(amount, currency) });
    } catch (caught) {
      if (!isRetryable(toSoukError(caught))) await putBack(scope, open.slice(0, index), currency);
      captureError(caught);
    }
  }
}

/**
 * Gives back what was taken for nothing.
 *
 * @param scope the step of a saga
 * @param takings what may have been taken
 * @param currency an ISO 4217 code
 */
export async function putBack(scope: Scope, takings: readonly Taking[], currency: string): Promise<void> {
  const payments = scope.mesh(PaymentService);
  for (const { paymentId, refundId, amount } of takings.filter(({ exchanged }) => !exchanged)) {
    await payments
      .refundPayment({ paymentId, refundId, amount: money(amount, currency) })
      .catch(refundOfNothing);
  }
}

/**
 * Sets free what is left of payments, and gives what was exchanged for goods back.
 *
 * @param scope the step of a saga
 * @param freeings what is left of which payment
 * @param currency an ISO 4217 code
 * @param onTaken called where the first payment turns out to be taken; for the others there is no way back by then
 * @returns the payments whose rest the provider refused to give back: it stays with the order
 * @throws what onTaken throws, or Error to be tried again
 */
export async function setFree(
  scope: Scope,
  freeings: readonly Freeing[],
  currency: string,
  onTaken: (caught: unknown) => void = voidOfTaken,
): Promise<string[]> {
  const payments = scope.mesh(PaymentService);
  const kept: string[] = [];
  for (const [index, { paymentId, movementId: refundId, amount, exchanged }] of freeings.entries()) {
    if (!exchanged) {
      await payments.voidPayment({ paymentId }).catch(index === 0 ? onTaken : voidOfTaken);
    } else {
      try {
        await giveBack(scope, [{ paymentId, movementId: refundId, amount }], { currency });
      } catch (caught) {
        if (isRetryable(toSoukError(caught))) throw caught;
        kept.push(paymentId);
      }
    }
  }
  return kept;
}

/**
 * Gives money back, one payment after the other, until one is refused.
 *
 * @param scope the step of a saga
 * @param shares what goes back of which payment
 * @param how in which currency, whether as store credit, and why
 * @returns of how many payments it went back
 * @throws SoukError REFUND_EXCEEDED or REFUND_REFUSED when already the first is refused, or what was caught where it is
 *   not known what payment did
 */
export async function giveBack(
  scope: Scope,
  shares: readonly Share[],
  { currency, toStoreCredit = false, reason = "" }: GivingBack,
): Promise<number> {
  for (const [index, { paymentId, movementId: refundId, amount }] of shares.entries()) {
    const request = { paymentId, refundId, amount: money(amount, currency), toStoreCredit, reason };
    try {
      const { refund } = await scope.mesh(PaymentService).refundPayment(request).catch(refundError);
      requireRefunded(refund);
    } catch (caught) {
      if (index === 0 || isRetryable(toSoukError(caught))) throw caught;
      return index;
    }
  }
  return shares.length;
}

/** How money is given back. */
export interface GivingBack {
  /** An ISO 4217 code. */
  readonly currency: string;
  readonly toStoreCredit?: boolean;
  readonly reason?: string;
}

function requireRefunded(refund: PaymentRefund | undefined): void {
  if (refund?.state === PaymentRefundState.SUCCEEDED) return;
  if (refund?.state !== PaymentRefundState.FAILED)
    throw new Error("the payment provider has not decided on the refund yet");
  throw refuse(
    ErrorReason.REFUND_REFUSED,
    `the payment provider refused the refund: ${refund.failureReason || "it did not say why"}`,
    { metadata: { failure_reason: refund.failureReason } },
  );
}
