import {
  ErrorReason as InventoryReason,
  ErrorReasonSchema as InventoryReasons,
} from "#gen/souk/inventory/v1/errors_pb.ts";
import {
  ErrorReason as PaymentReason,
  ErrorReasonSchema as PaymentReasons,
} from "#gen/souk/payment/v1/errors_pb.ts";
import { isRefusal, isRetryable, MeshReason, refuseMesh, toSoukError } from "#kit/error.ts";
import { ErrorReason, refuse } from "./errors.ts";

/** When a shopper may try again what was not possible now, in ms. */
const RETRY_AFTER_MS = 5_000;

/**
 * Says in order's words why stock could not be set aside.
 *
 * @param caught what inventory's client threw
 * @throws SoukError OUT_OF_STOCK, or DEPENDENCY_UNAVAILABLE where it is not known what inventory did
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
 * @throws SoukError PAYMENT_DECLINED, or PAYMENT_UNAVAILABLE where it is not known what became of the payment
 */
export function paymentError(caught: unknown): never {
  const cause = toSoukError(caught);
  if (isRefusal(cause, PaymentReasons, PaymentReason.PAYMENT_DECLINED)) {
    throw refuse(ErrorReason.PAYMENT_DECLINED, cause.message, { metadata: cause.metadata, cause });
  }
  if (!isRetryable(cause)) throw cause;
  const message =
    "the payment could not be made in time, so nothing was ordered or changed and nothing is charged; try again in a moment";
  throw refuse(ErrorReason.PAYMENT_UNAVAILABLE, message, { retryAfterMs: RETRY_AFTER_MS, cause });
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
