import { uuidv7 } from "uuidv7";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { OrderCancelledSchema } from "#gen/souk/order/v1/events_pb.ts";
import { PaymentService } from "#gen/souk/payment/v1/payment_pb.ts";
import { codeName } from "#kit/error.ts";
import { defineSaga } from "#kit/saga/define-saga.ts";
import type { Sagas } from "#kit/saga/sagas.ts";
import type { Scope } from "#kit/scope.ts";
import { tellGivenUp } from "../after-sale/tell-money.ts";
import type { entities } from "../entities.ts";
import { moveOrder } from "../move-order.ts";
import { toOrder } from "../order-message.ts";
import { giveBackPromotions } from "../promotions/use-promotions.ts";
import { confirmationError } from "../translate-error.ts";
import { confirmOrder } from "./confirm-order.ts";
import { endWait, ifStillWaiting, lockWaiting } from "./waiting-order.ts";

/** What the saga is started with. */
type Completing = { readonly orderId: string; readonly cartId: string };
/** What steps find out for later ones. */
type Found = {
  /** Whether the payment is confirmed, so that its customer counts on the order. */
  readonly isPaid: boolean;
};
/** What becomes of it. */
type Nothing = Record<string, never>;

/**
 * Ends the wait of an order for its customer to confirm the payment, once that is decided or the time is up. What was
 * set aside before it began is given back by steps that have nothing else to do. Each question is asked until it is
 * answered, for a customer who confirmed has paid.
 */
export const completePaymentSaga = defineSaga<Completing, Found, Nothing, typeof entities>({
  name: "complete-payment",
  steps: [
    {
      name: "release-stock",
      run: async () => undefined,
      async undo({ input, scope }) {
        await scope.mesh(InventoryService).releaseReservation({ reservationId: input.orderId });
      },
    },
    {
      name: "void-payment",
      run: async () => undefined,
      async undo({ input, scope }) {
        await scope.mesh(PaymentService).voidPayment({ paymentId: input.orderId });
      },
    },
    {
      name: "confirm-payment",
      attempts: Number.POSITIVE_INFINITY,
      async run({ input: { orderId }, scope }) {
        const confirming = scope.mesh(PaymentService).confirmPayment({ paymentId: orderId });
        await confirming.catch((caught: unknown) => confirmationError(caught, orderId));
        return { isPaid: true };
      },
    },
    {
      name: "commit-reservation",
      attempts: Number.POSITIVE_INFINITY,
      async run({ input, scope }) {
        await scope.mesh(InventoryService).commitReservation({ reservationId: input.orderId });
        return undefined;
      },
    },
  ],
  async complete({ input: { orderId, cartId } }, tx) {
    await endWait(tx, orderId);
    await confirmOrder(tx, orderId, "AWAITING_PAYMENT", cartId);
    return {};
  },
  async abandon({ input: { orderId }, data: { isPaid = false } }, error, tx) {
    await endWait(tx, orderId);
    tellGivenUp(tx, orderId, "");
    const why = error.reason || codeName(error.code);
    const order = await moveOrder(tx, orderId, "AWAITING_PAYMENT", "CANCELLED", why);
    if (order.discounts.length > 0) await giveBackPromotions(tx, orderId);
    // Who confirmed is not there any more to be told by the answer.
    if (isPaid) {
      tx.emit(OrderCancelledSchema, {
        orderId,
        customerId: order.customer_id ?? "",
        email: order.email,
        order: toOrder(order),
      });
    }
  },
});

/**
 * Confirms an order whose payment its customer confirmed, or cancels it; unless another call does, or did: the state
 * of the order then tells how it ended.
 *
 * @param sagas order's sagas
 * @param scope the work
 * @param orderId the order, whose payment is decided or whose time is up
 * @throws SoukError PAYMENT_DECLINED, PAYMENT_NOT_CONFIRMED or what else it failed for; DEADLINE_EXCEEDED while it is
 *   not known how it ends
 */
export function completePayment(sagas: Sagas, scope: Scope, orderId: string): Promise<void> {
  const id = uuidv7();
  return ifStillWaiting(() =>
    sagas.execute(scope, completePaymentSaga, {
      id,
      async prepare(tx) {
        const { cart_id } = await lockWaiting(tx, orderId, id);
        return { orderId, cartId: cart_id ?? "" };
      },
    }),
  );
}
