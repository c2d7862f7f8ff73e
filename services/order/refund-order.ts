import { uuidv7 } from "uuidv7";
import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import { PaymentService } from "#gen/souk/payment/v1/payment_pb.ts";
import { money } from "#kit/money.ts";
import { defineSaga } from "#kit/saga/define-saga.ts";
import type { Sagas } from "#kit/saga/sagas.ts";
import type { Scope } from "#kit/scope.ts";
import { lockOrder, requireOrder } from "./change-order.ts";
import type { entities } from "./entities.ts";
import type { StoredOrder } from "./order-parts.ts";
import type { Item } from "./pieces.ts";
import { beginRefund, failRefund, planRefund, requireRefunded, settleRefund } from "./refunds.ts";
import type { Shop } from "./shop.ts";
import { actorOf } from "./timeline.ts";
import { refundError } from "./translate-error.ts";

/** What staff asks for. */
export interface Refunding {
  readonly orderId: string;
  /** For which lines; for the order as a whole when empty. */
  readonly items: readonly Item[];
  /** Whether to give back what shipping cost, too. */
  readonly withShipping: boolean;
  /** How much; what the lines cost, or all that is left, when left out. */
  readonly amount: Money | undefined;
  readonly toStoreCredit: boolean;
  readonly reason: string;
}

/** What the saga of a refund is started with; its id is the refund's, here and at payment. */
type GivingBack = {
  readonly orderId: string;
  readonly amount: bigint;
  readonly currency: string;
  readonly toStoreCredit: boolean;
  readonly reason: string;
  readonly actorId: string;
};

/** What steps find out for later ones. */
type Nothing = Record<string, never>;
/** What becomes of it. */
type GivenBack = { readonly orderId: string; readonly refundId: string };

/**
 * Gives money back. The order keeps room for it from the beginning, so that however many refunds come at once, they
 * never come to more than was taken.
 */
export const refundOrderSaga = defineSaga<GivingBack, Nothing, GivenBack, typeof entities>({
  name: "refund-order",
  steps: [
    {
      name: "refund-payment",
      attempts: Number.POSITIVE_INFINITY,
      async run({ sagaId, input: { orderId, amount, currency, toStoreCredit, reason }, scope }) {
        const request = {
          paymentId: orderId,
          refundId: sagaId,
          amount: money(amount, currency),
          toStoreCredit,
          reason,
        };
        const { refund } = await scope.mesh(PaymentService).refundPayment(request).catch(refundError);
        requireRefunded(refund);
        return undefined;
      },
    },
  ],
  async complete({ sagaId, input: { orderId, actorId } }, tx) {
    await lockOrder(tx, orderId);
    await settleRefund(tx, orderId, sagaId, actorId);
    return { orderId, refundId: sagaId };
  },
  async abandon({ sagaId, input: { orderId } }, _, tx) {
    await lockOrder(tx, orderId);
    await failRefund(tx, orderId, sagaId);
  },
});

/**
 * Gives some or all of what was paid back. Under the call's idempotency key there is one refund.
 *
 * @param shop what orders are handled with
 * @param sagas order's sagas
 * @param scope the call
 * @param refunding what staff asks for
 * @returns the order as it is now, and the id of its new refund
 * @throws SoukError ORDER_NOT_FOUND, LINE_NOT_FOUND, QUANTITY_EXCEEDED, CURRENCY_MISMATCH or REFUND_EXCEEDED;
 *   DEADLINE_EXCEEDED while it is not known how it ends
 */
export async function refundOrder(
  shop: Shop,
  sagas: Sagas,
  scope: Scope,
  refunding: Refunding,
): Promise<{ order: StoredOrder; refundId: string }> {
  const id = uuidv7();
  const { orderId, refundId } = await sagas.execute(scope, refundOrderSaga, {
    id,
    async prepare(tx) {
      const order = await lockOrder(tx, refunding.orderId);
      const plan = planRefund(order, refunding);
      const { toStoreCredit, reason } = refunding;
      beginRefund(tx, order, { ...plan, id, toStoreCredit, reason });
      return {
        orderId: order.id,
        amount: plan.amount,
        currency: order.currency,
        toStoreCredit,
        reason,
        actorId: actorOf(scope),
      };
    },
  });
  return { order: await requireOrder(shop.db.sql, orderId), refundId };
}
