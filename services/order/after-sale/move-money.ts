import { type PaymentRefund, PaymentRefundState, PaymentService } from "#gen/souk/payment/v1/payment_pb.ts";
import { isRetryable, toSoukError } from "#kit/error.ts";
import { money } from "#kit/money.ts";
import type { Scope } from "#kit/scope.ts";
import { ErrorReason, refuse } from "../errors.ts";
import { captureError, refundError, refundOfNothing, voidOfTaken } from "../translate-error.ts";
import type { Freeing, Share, Taking } from "./order-payments.ts";

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
