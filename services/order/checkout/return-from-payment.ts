import { PaymentService } from "#gen/souk/payment/v1/payment_pb.ts";
import type { Sagas } from "#kit/saga/sagas.ts";
import type { Scope } from "#kit/scope.ts";
import { ErrorReason, refuse } from "../errors.ts";
import { type OrderChanges, POLL_MS } from "../order-changes.ts";
import type { StoredOrder } from "../order-parts.ts";
import { askerOf, requireOwnOrder } from "../own-order.ts";
import type { Shop } from "../shop.ts";
import { passOverDecision, paymentDeclined, paymentNotConfirmed } from "../translate-error.ts";
import { completePayment } from "./complete-payment.ts";
import { giveUpPayment } from "./give-up-payment.ts";

/** What a shopper asks for who is back from the payment provider. */
export interface Returning {
  readonly orderId: string;
  /** What shows that a guest's order is theirs; "" for a customer's. */
  readonly orderToken: string;
  /** Whether to give up instead of going on. */
  readonly giveUp: boolean;
}

/**
 * Goes on with an order whose payment its customer had to confirm. Of this, the payment provider and the time, one
 * decides how that ends, and the others find it so.
 *
 * @param shop what orders are handled with
 * @param sagas order's sagas
 * @param changes tells when an order changed
 * @param scope the call
 * @param returning what the shopper asks for
 * @returns the order: certain, or given up
 * @throws SoukError ORDER_NOT_FOUND, PAYMENT_NOT_CONFIRMED, PAYMENT_DECLINED, PAYMENT_UNAVAILABLE, or
 *   ORDER_NOT_CANCELLABLE when it is too late to give up
 */
export async function returnFromPayment(
  { db }: Shop,
  sagas: Sagas,
  changes: OrderChanges,
  scope: Scope,
  { orderId, orderToken, giveUp }: Returning,
): Promise<StoredOrder> {
  const asker = askerOf(scope, orderToken);
  // Before the first look, so that no change falls between the two.
  const watch = changes.watch(orderId);
  try {
    for (;;) {
      const order = await requireOwnOrder(db.sql, orderId, asker);
      const { state, changing } = order;
      if (state !== "PENDING" && state !== "AWAITING_PAYMENT") return answerOf(order, giveUp);
      if (state === "PENDING" || changing !== null) {
        await watch.next(POLL_MS, scope.signal);
      } else if (giveUp) {
        await giveUpPayment(sagas, scope, orderId, "");
      } else {
        await requireDecided(scope, orderId);
        await completePayment(sagas, scope, orderId);
      }
      scope.signal.throwIfAborted();
    }
  } finally {
    watch.close();
  }
}

/** Asks before the wait is ended: a customer who has not decided yet may go on with that. */
async function requireDecided(scope: Scope, orderId: string): Promise<void> {
  const confirming = scope.mesh(PaymentService).confirmPayment({ paymentId: orderId });
  await confirming.catch((caught: unknown) => passOverDecision(caught, orderId));
}

/** One that was cancelled before it was certain is refused, as at the first time. */
function answerOf(order: StoredOrder, giveUp: boolean): StoredOrder {
  const { id, state, confirm_until, cancelled_total, cancel_reason } = order;
  if (state !== "CANCELLED") {
    if (!giveUp) return order;
    throw refuse(
      ErrorReason.ORDER_NOT_CANCELLABLE,
      `the payment of order ${id} is confirmed already; cancel the order instead`,
      { metadata: { order_id: id, state } },
    );
  }
  const wasCertain = confirm_until === null || cancelled_total > 0n;
  if (giveUp || wasCertain) return order;
  throw cancel_reason === "PAYMENT_DECLINED" ? paymentDeclined(id) : paymentNotConfirmed(id, state);
}
