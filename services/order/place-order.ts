import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { uuidv7 } from "uuidv7";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { OrderConfirmedSchema } from "#gen/souk/order/v1/events_pb.ts";
import { PaymentService } from "#gen/souk/payment/v1/payment_pb.ts";
import { codeName } from "#kit/error.ts";
import { money } from "#kit/money.ts";
import { defineSaga } from "#kit/saga/define-saga.ts";
import type { Sagas } from "#kit/saga/sagas.ts";
import type { Scope } from "#kit/scope.ts";
import { readCart, takeOrderedLines, touchCart } from "./cart-rows.ts";
import type { entities } from "./entities.ts";
import { toOrder } from "./order-message.ts";
import { moveOrder, requireOrderOf, type StoredOrder } from "./orders.ts";
import { type Checkout, prepareOrder } from "./prepare-order.ts";
import type { Shop } from "./shop.ts";
import { paymentError, stockError } from "./translate-error.ts";

/** What the saga of an order is started with; its id is the order's, the reservation's and the payment's. */
type Placing = {
  readonly customerId: string;
  readonly lines: readonly { readonly variantId: string; readonly quantity: bigint }[];
  readonly total: bigint;
  readonly currency: string;
  /** Of the means of payment; forgotten with the saga's input when it ends. */
  readonly token: string;
  /** How long the stock is set aside, in ms. */
  readonly reservationMs: number;
};

/** What steps find out for later ones. */
type Nothing = Record<string, never>;

/** The order itself, for who waits in the process that confirms it. */
const ORDER = Symbol("order");
/** What becomes of it. */
type Placed = { readonly orderId: string; readonly [ORDER]?: StoredOrder };

/**
 * Places an order. The PENDING order is there when it begins. Stock is made final before the order is confirmed:
 * a reservation that ran out, because nobody went on in time, then fails the order while it can still be undone,
 * and once the last step is taken nothing is left that could fail for good.
 *
 * The times leave the caller an answer within the 10 s of PlaceOrder also when the payment hangs.
 */
export const placeOrderSaga = defineSaga<Placing, Nothing, Placed, typeof entities>({
  name: "place-order",
  steps: [
    {
      name: "reserve-stock",
      timeoutMs: 2_500,
      attempts: 2,
      async run({ sagaId, input, scope }) {
        const { lines, reservationMs } = input;
        const request = { reservationId: sagaId, lines: [...lines], ttl: durationFromMs(reservationMs) };
        await scope.mesh(InventoryService).reserveStock(request).catch(stockError);
        return undefined;
      },
      async undo({ sagaId, scope }) {
        await scope.mesh(InventoryService).releaseReservation({ reservationId: sagaId });
      },
    },
    {
      name: "authorize-payment",
      timeoutMs: 3_500,
      attempts: 2,
      async run({ sagaId, input, scope }) {
        const { total, currency, token } = input;
        // There is nothing to pay for what is free.
        if (total === 0n) return undefined;
        const request = { paymentId: sagaId, amount: money(total, currency), token };
        await scope.mesh(PaymentService).authorizePayment(request).catch(paymentError);
        return undefined;
      },
      async undo({ sagaId, scope }) {
        await scope.mesh(PaymentService).voidPayment({ paymentId: sagaId });
      },
    },
    {
      name: "commit-reservation",
      async run({ sagaId, scope }) {
        await scope.mesh(InventoryService).commitReservation({ reservationId: sagaId });
        return undefined;
      },
    },
  ],
  async complete({ sagaId, input }, tx) {
    const [order] = await Promise.all([
      moveOrder(tx, sagaId, "PENDING", "CONFIRMED"),
      touchCart(tx.sql, input.customerId, input.currency),
    ]);
    takeOrderedLines(tx, sagaId);
    tx.emit(OrderConfirmedSchema, {
      orderId: order.id,
      customerId: order.customer_id,
      email: order.email,
      order: toOrder(order),
    });
    return { orderId: sagaId, [ORDER]: order };
  },
  async abandon({ sagaId }, error, tx) {
    await moveOrder(tx, sagaId, "PENDING", "CANCELLED", error.reason || codeName(error.code));
  },
});

/**
 * Orders what is in a customer's cart, or does none of it. Under the call's idempotency key there is one order.
 *
 * @param shop what orders are handled with
 * @param sagas order's sagas
 * @param scope the call
 * @param checkout what the customer asks for
 * @param token the token of the means of payment
 * @returns the order as it is now
 * @throws SoukError CART_EMPTY, LINE_UNAVAILABLE, SHIPPING_METHOD_UNAVAILABLE, TOTAL_CHANGED, OUT_OF_STOCK,
 *   PAYMENT_DECLINED or PAYMENT_UNAVAILABLE; DEADLINE_EXCEEDED while it is not known how it ends
 */
export async function placeOrder(
  shop: Shop,
  sagas: Sagas,
  scope: Scope,
  checkout: Checkout,
  token: string,
): Promise<StoredOrder> {
  const { lines = [] } = (await readCart(shop.db.sql, checkout.customerId)) ?? {};
  const ids = lines.map(({ variantId }) => variantId);
  const variants = await shop.readSaleVariants(scope, ids);
  const id = uuidv7();
  const { orderId, [ORDER]: order } = await sagas.execute(scope, placeOrderSaga, {
    id,
    async prepare(tx) {
      tx.about(id);
      const { lines, total, currency } = await prepareOrder(shop, tx, scope, id, checkout, variants);
      return {
        customerId: checkout.customerId,
        lines: lines.map(({ variant_id, quantity }) => ({ variantId: variant_id, quantity })),
        total,
        currency,
        token,
        reservationMs: shop.reservationMs,
      };
    },
  });
  return order ?? requireOrderOf(shop.db.sql, orderId, checkout.customerId);
}
