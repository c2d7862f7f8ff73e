import { uuidv7 } from "uuidv7";
import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import { defineSaga } from "#kit/saga/define-saga.ts";
import type { Sagas } from "#kit/saga/sagas.ts";
import type { Scope } from "#kit/scope.ts";
import { lockOrder, requireOrder } from "../change-order.ts";
import type { entities } from "../entities.ts";
import { ErrorReason, refuse } from "../errors.ts";
import type { StoredOrder } from "../order-parts.ts";
import type { Shop } from "../shop.ts";
import { actorOf } from "../timeline.ts";
import { beginRefund, failRefund, settleRefund } from "./book-refund.ts";
import { giveBack } from "./move-money.ts";
import type { Share } from "./order-payments.ts";
import type { Item } from "./pieces.ts";
import { planRefund } from "./refunds.ts";

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

/** What the saga of a refund is started with; its id is the refund's. */
type Refund = {
  readonly orderId: string;
  readonly shares: readonly Share[];
  readonly currency: string;
  readonly toStoreCredit: boolean;
  readonly reason: string;
  readonly actorId: string;
};

/** What steps find out for later ones: of how many payments money goes back. */
type Found = { readonly given: number };
/** What becomes of it. */
type GivenBack = { readonly orderId: string; readonly refundId: string };

/**
 * Gives money back. The order keeps room for it from the beginning, so that however many refunds come at once, they
 * never come to more than was taken. One that several payments bear goes through as far as the provider lets it; a
 * payment that it refuses comes last from then on.
 */
export const refundOrderSaga = defineSaga<Refund, Found, GivenBack, typeof entities>({
  name: "refund-order",
  steps: [
    {
      name: "refund-payment",
      attempts: Number.POSITIVE_INFINITY,
      run: async ({ input: { shares, ...how }, scope }) => ({ given: await giveBack(scope, shares, how) }),
    },
  ],
  async complete({ sagaId, input: { orderId, actorId }, data }, tx) {
    await lockOrder(tx, orderId);
    await settleRefund(tx, orderId, sagaId, actorId, data.given);
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
 * @throws SoukError ORDER_NOT_FOUND, LINE_NOT_FOUND, QUANTITY_EXCEEDED, CURRENCY_MISMATCH, REFUND_EXCEEDED or REFUND_REFUSED;
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
      const { toStoreCredit, reason } = refunding;
      if (toStoreCredit && order.email === "") throw nobodyToCredit(order);
      const plan = planRefund(order, refunding);
      const shares = beginRefund(tx, order, { ...plan, id, toStoreCredit, reason });
      return {
        orderId: order.id,
        shares,
        currency: order.currency,
        toStoreCredit,
        reason,
        actorId: actorOf(scope),
      };
    },
  });
  return { order: await requireOrder(shop.db.sql, orderId), refundId };
}

/** Of an order without an e-mail address the customer was deleted, and store credit would be nobody's. */
function nobodyToCredit({ id }: StoredOrder) {
  return refuse(
    ErrorReason.REFUND_REFUSED,
    `the customer of order ${id} was deleted and has no store credit; give the money back instead`,
    { metadata: { payment_reason: "CUSTOMER_MISSING" } },
  );
}
