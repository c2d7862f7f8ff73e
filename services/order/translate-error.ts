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
  const message = "the stock could not be set aside in time, so nothing was ordered; order again in a moment";
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
    "the payment could not be made in time, so nothing was ordered and nothing is charged; order again in a moment";
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
