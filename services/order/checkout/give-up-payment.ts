import { uuidv7 } from "uuidv7";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { PaymentService } from "#gen/souk/payment/v1/payment_pb.ts";
import { defineSaga } from "#kit/saga/define-saga.ts";
import type { Sagas } from "#kit/saga/sagas.ts";
import type { Scope } from "#kit/scope.ts";
import { tellGivenUp } from "../after-sale/tell-money.ts";
import { keepFor } from "../change-order.ts";
import type { entities } from "../entities.ts";
import { moveOrder } from "../move-order.ts";
import { giveBackPromotions } from "../promotions/use-promotions.ts";
import { actorOf } from "../timeline.ts";
import { voidError } from "../translate-error.ts";
import { endWait, ifStillWaiting, lockWaiting } from "./waiting-order.ts";

/** What the saga is started with. */
type GivingUp = { readonly orderId: string; readonly reason: string; readonly actorId: string };
/** What steps find out for later ones, and what becomes of it. */
type Nothing = Record<string, never>;

/**
 * Cancels an order whose customer does not want to confirm the payment. Only a payment that is captured stops it,
 * which nobody but the payment provider can have done; from there on every step is tried until it succeeds.
 */
export const giveUpPaymentSaga = defineSaga<GivingUp, Nothing, Nothing, typeof entities>({
  name: "give-up-payment",
  steps: [
    {
      name: "void-payment",
      attempts: Number.POSITIVE_INFINITY,
      async run({ input, scope }) {
        await scope.mesh(PaymentService).voidPayment({ paymentId: input.orderId }).catch(voidError);
        return undefined;
      },
    },
    {
      name: "release-stock",
      attempts: Number.POSITIVE_INFINITY,
      async run({ input, scope }) {
        await scope.mesh(InventoryService).releaseReservation({ reservationId: input.orderId });
        return undefined;
      },
    },
  ],
  async complete({ input: { orderId, reason, actorId } }, tx) {
    await endWait(tx, orderId);
    tellGivenUp(tx, orderId, actorId);
    const order = await moveOrder(tx, orderId, "AWAITING_PAYMENT", "CANCELLED", reason, actorId);
    if (order.discounts.length > 0) await giveBackPromotions(tx, orderId);
    return {};
  },
  async abandon({ input }, _, tx) {
    keepFor(tx, input.orderId, null);
  },
});

/**
 * Cancels an order that waits for its customer, unless another call, the payment provider or the time ended that: the
 * state of the order then tells how.
 *
 * @param sagas order's sagas
 * @param scope the call
 * @param orderId the order
 * @param reason why, in the customer's words; may be empty
 * @throws SoukError ORDER_NOT_CANCELLABLE; DEADLINE_EXCEEDED while it is not known how it ends
 */
export function giveUpPayment(sagas: Sagas, scope: Scope, orderId: string, reason: string): Promise<void> {
  const id = uuidv7();
  return ifStillWaiting(() =>
    sagas.execute(scope, giveUpPaymentSaga, {
      id,
      async prepare(tx) {
        await lockWaiting(tx, orderId, id);
        return { orderId, reason, actorId: actorOf(scope) };
      },
    }),
  );
}
