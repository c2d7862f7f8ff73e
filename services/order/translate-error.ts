import {
  ErrorReason as InventoryReason,
  ErrorReasonSchema as InventoryReasons,
} from "#gen/souk/inventory/v1/errors_pb.ts";
import {
  ErrorReason as PaymentReason,
  ErrorReasonSchema as PaymentReasons,
} from "#gen/souk/payment/v1/errors_pb.ts";
import { isRefusal, isRetryable, MeshReason, refuseMesh, type SoukError, toSoukError } from "#kit/error.ts";
import { ErrorReason, refuse } from "./errors.ts";

/** When a shopper may try again what was not possible now, in ms. */
const RETRY_AFTER_MS = 5_000;

/**
 * Says in order's words why stock could not be set aside.
 *
 * @param caught what inventory's client threw
 * @throws SoukError OUT_OF_STOCK, DEPENDENCY_UNAVAILABLE where it is not known what inventory did, or else what was
 *   caught
 */
export function stockError(caught: unknown): never {
  const cause = toSoukError(caught);
  if (isRefusal(cause, InventoryReasons, InventoryReason.OUT_OF_STOCK)) {
    throw refuse(ErrorReason.OUT_OF_STOCK, cause.message, { metadata: cause.metadata, cause });
  }
  if (!isRetryable(cause)) throw cause;
  const message =
    "the stock could not be set aside in time, so nothing was ordered or changed; try again in a moment";
  throw refuseMesh(MeshReason.DEPENDENCY_UNAVAILABLE, message, { retryAfterMs: RETRY_AFTER_MS, cause });
}

/**
 * Says in order's words why a payment could not be made.
 *
 * @param caught what payment's client threw
 * @throws SoukError PAYMENT_DECLINED, GIFT_CARD_REFUSED or STORE_CREDIT_REFUSED, PAYMENT_UNAVAILABLE where it is not
 *   known what became of the payment, or else what was caught
 */
export function paymentError(caught: unknown): never {
  const cause = toSoukError(caught);
  const isFor = (reason: PaymentReason): boolean => isRefusal(cause, PaymentReasons, reason);
  if (isFor(PaymentReason.PAYMENT_DECLINED)) {
    throw refuse(ErrorReason.PAYMENT_DECLINED, cause.message, { metadata: cause.metadata, cause });
  }
  if (isFor(PaymentReason.GIFT_CARD_UNUSABLE) || isFor(PaymentReason.GIFT_CARD_NOT_FOUND)) {
    throw refuse(ErrorReason.GIFT_CARD_REFUSED, cause.message, { metadata: cause.metadata, cause });
  }
  if (isFor(PaymentReason.STORE_CREDIT_TOO_LOW)) {
    const metadata = { ...cause.metadata, state: "TOO_LOW" };
    throw refuse(ErrorReason.STORE_CREDIT_REFUSED, cause.message, { metadata, cause });
  }
  if (!isRetryable(cause)) throw cause;
  const message =
    "the payment could not be made in time, so nothing was ordered or changed and nothing is charged; try again in a moment";
  throw refuse(ErrorReason.PAYMENT_UNAVAILABLE, message, { retryAfterMs: RETRY_AFTER_MS, cause });
}

/**
 * Says in order's words why a payment that its customer had to confirm did not come true.
 *
 * @param caught what payment's client threw, when the wait for the customer was over
 * @param orderId the order
 * @throws SoukError PAYMENT_DECLINED or PAYMENT_NOT_CONFIRMED, or what was caught where it is not known what became of
 *   the payment
 */
export function confirmationError(caught: unknown, orderId: string): never {
  const cause = toSoukError(caught);
  if (isRetryable(cause)) throw cause;
  const isDeclined = isRefusal(cause, PaymentReasons, PaymentReason.PAYMENT_DECLINED);
  throw isDeclined ? paymentDeclined(orderId, cause) : paymentNotConfirmed(orderId, "CANCELLED", cause);
}

/**
 * Passes over how it was decided whether a customer confirmed a payment.
 *
 * @param caught what payment's client threw
 * @param orderId the order
 * @throws SoukError PAYMENT_NOT_CONFIRMED when it is not decided yet, or PAYMENT_UNAVAILABLE when that is not known
 */
export function passOverDecision(caught: unknown, orderId: string): void {
  const cause = toSoukError(caught);
  if (isRefusal(cause, PaymentReasons, PaymentReason.CONFIRMATION_PENDING)) {
    throw paymentNotConfirmed(orderId, "AWAITING_PAYMENT", cause);
  }
  if (!isRetryable(cause)) return;
  const message =
    "it is not known yet whether the payment is confirmed; the order waits, ask again in a moment";
  throw refuse(ErrorReason.PAYMENT_UNAVAILABLE, message, { retryAfterMs: RETRY_AFTER_MS, cause });
}

/**
 * The refusal of an order whose customer confirmed the payment in vain.
 *
 * @param orderId the order
 * @param cause what led to it
 */
export function paymentDeclined(orderId: string, cause?: SoukError): SoukError {
  return refuse(
    ErrorReason.PAYMENT_DECLINED,
    `the payment of order ${orderId} was declined, so it is cancelled; order again with another card`,
    { metadata: { ...cause?.metadata, order_id: orderId }, cause },
  );
}

/**
 * The refusal of an order whose customer did not confirm the payment.
 *
 * @param orderId the order
 * @param state the order's, which tells whether it still waits
 * @param cause what led to it
 */
export function paymentNotConfirmed(
  orderId: string,
  state: "AWAITING_PAYMENT" | "CANCELLED",
  cause?: SoukError,
): SoukError {
  const waits = state === "AWAITING_PAYMENT";
  return refuse(
    ErrorReason.PAYMENT_NOT_CONFIRMED,
    waits
      ? `the payment of order ${orderId} is not confirmed yet; send the browser where PlaceOrder said, or give up`
      : `the payment of order ${orderId} was not confirmed, so it is cancelled; order again`,
    { metadata: { order_id: orderId, state }, ...(waits && { retryAfterMs: RETRY_AFTER_MS }), cause },
  );
}

/**
 * Says in order's words why a payment could not be given up.
 *
 * @param caught what payment's client threw
 * @throws SoukError ORDER_NOT_CANCELLABLE when the payment is captured, or else what was caught
 */
export function voidError(caught: unknown): never {
  const cause = toSoukError(caught);
  if (!isRefusal(cause, PaymentReasons, PaymentReason.PAYMENT_STATE_CONFLICT)) throw cause;
  throw refuse(ErrorReason.ORDER_NOT_CANCELLABLE, "the payment of the order is taken already", { cause });
}

/**
 * Says in order's words why money could not be taken.
 *
 * @param caught what payment's client threw
 * @throws SoukError PAYMENT_NOT_TAKEN, or what was caught where it is not known what payment did
 */
export function captureError(caught: unknown): never {
  const cause = toSoukError(caught);
  if (isRetryable(cause)) throw cause;
  throw refuse(
    ErrorReason.PAYMENT_NOT_TAKEN,
    `the money could not be taken, so nothing was sent: ${cause.message}`,
    { metadata: { ...cause.metadata, payment_reason: cause.reason }, cause },
  );
}

/**
 * Says in order's words why goods could not leave.
 *
 * @param caught what inventory's client threw
 * @throws SoukError ORDER_NOT_SHIPPABLE, or what was caught where it is not known what inventory did
 */
export function shippingError(caught: unknown): never {
  const cause = toSoukError(caught);
  if (isRetryable(cause)) throw cause;
  throw refuse(ErrorReason.ORDER_NOT_SHIPPABLE, `nothing was sent: ${cause.message}`, {
    metadata: { ...cause.metadata, inventory_reason: cause.reason },
    cause,
  });
}

/**
 * Says in order's words why the stock of an order could not be changed.
 *
 * @param caught what inventory's client threw
 * @throws SoukError ORDER_NOT_EDITABLE, or what was caught where it is not known what inventory did
 */
export function stockChangeError(caught: unknown): never {
  const cause = toSoukError(caught);
  if (isRetryable(cause)) throw cause;
  throw refuse(ErrorReason.ORDER_NOT_EDITABLE, `nothing was changed: ${cause.message}`, {
    metadata: { ...cause.metadata, inventory_reason: cause.reason },
    cause,
  });
}

/**
 * Passes over that there is nothing to give back: the capture that is undone was refused.
 *
 * @param caught what payment's client threw
 * @throws what was caught, where it is anything else
 */
export function refundOfNothing(caught: unknown): void {
  if (isRefusal(caught, PaymentReasons, PaymentReason.REFUND_EXCEEDED)) return;
  if (isRefusal(caught, PaymentReasons, PaymentReason.PAYMENT_STATE_CONFLICT)) return;
  throw caught;
}

/**
 * Passes over that there is no money left to set free.
 *
 * @param caught what payment's client threw
 * @throws Error to be tried again, whatever else it is: what was done before cannot be undone
 */
export function voidOfTaken(caught: unknown): void {
  if (isRefusal(caught, PaymentReasons, PaymentReason.PAYMENT_STATE_CONFLICT)) return;
  throw new Error("the money that is left is not set free yet", { cause: caught });
}

/**
 * Says in order's words why money could not be given back.
 *
 * @param caught what payment's client threw
 * @throws SoukError REFUND_EXCEEDED or REFUND_REFUSED, or what was caught where it is not known what payment did
 */
export function refundError(caught: unknown): never {
  const cause = toSoukError(caught);
  if (isRetryable(cause)) throw cause;
  const isTooMuch = isRefusal(cause, PaymentReasons, PaymentReason.REFUND_EXCEEDED);
  throw refuse(isTooMuch ? ErrorReason.REFUND_EXCEEDED : ErrorReason.REFUND_REFUSED, cause.message, {
    metadata: { ...cause.metadata, payment_reason: cause.reason },
    cause,
  });
}

/**
 * Says in order's words why goods that came back could not be booked.
 *
 * @param caught what inventory's client threw
 * @throws SoukError RETURN_NOT_BOOKED, or what was caught where it is not known what inventory did
 */
export function stockReturnError(caught: unknown): never {
  const cause = toSoukError(caught);
  if (isRetryable(cause)) throw cause;
  throw refuse(ErrorReason.RETURN_NOT_BOOKED, `nothing was booked and given back: ${cause.message}`, {
    metadata: { ...cause.metadata, inventory_reason: cause.reason },
    cause,
  });
}
