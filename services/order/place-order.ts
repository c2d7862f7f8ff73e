import { createHmac } from "node:crypto";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { uuidv7 } from "uuidv7";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { OrderConfirmedSchema } from "#gen/souk/order/v1/events_pb.ts";
import { PaymentService } from "#gen/souk/payment/v1/payment_pb.ts";
import { violates } from "#kit/data/failure.ts";
import { codeName } from "#kit/error.ts";
import { money } from "#kit/money.ts";
import { defineSaga } from "#kit/saga/define-saga.ts";
import type { Sagas } from "#kit/saga/sagas.ts";
import type { Scope } from "#kit/scope.ts";
import { CART_AS_READ, takeOrderedLines, takeUsedCodes, touchCartById } from "./cart-rows.ts";
import { requireOrder } from "./change-order.ts";
import { couponExhausted } from "./coupons.ts";
import type { entities } from "./entities.ts";
import { toOrder } from "./order-message.ts";
import { moveKnownOrder, moveOrder, type StoredOrder } from "./orders.ts";
import { type Checkout, type Preparation, prepareOrder, readOrderable } from "./prepare-order.ts";
import type { CartState } from "./read-cart.ts";
import type { Shop } from "./shop.ts";
import { hashOf, type Shopper } from "./shopper.ts";
import { paymentError, stockError } from "./translate-error.ts";
import { giveBackPromotions, UsedUp } from "./use-promotions.ts";

/** The order itself, for who goes on, or waits, in the process that has it. */
const ORDER = Symbol("order");

/** What the saga of an order is started with; its id is the order's, the reservation's and the payment's. */
type Placing = {
  readonly [ORDER]?: StoredOrder;
  readonly cartId: string;
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
    const { [ORDER]: known, cartId } = input;
    const [, order] = await Promise.all([
      touchCartById(tx.sql, cartId),
      known ? moveKnownOrder(tx, known, "CONFIRMED") : moveOrder(tx, sagaId, "PENDING", "CONFIRMED"),
    ]);
    takeOrderedLines(tx, sagaId);
    takeUsedCodes(tx, cartId, order.coupon_codes);
    tx.emit(OrderConfirmedSchema, {
      orderId: order.id,
      customerId: order.customer_id ?? "",
      email: order.email,
      order: toOrder(order),
    });
    return { orderId: sagaId, [ORDER]: order };
  },
  async abandon({ sagaId }, error, tx) {
    const order = await moveOrder(tx, sagaId, "PENDING", "CANCELLED", error.reason || codeName(error.code));
    if (order.discounts.length > 0) await giveBackPromotions(tx, sagaId);
  },
});

/** An order as it was placed. */
export interface PlacedOrder {
  readonly order: StoredOrder;
  /** What shows that a guest's order is theirs; "" for a customer's. */
  readonly orderToken: string;
}

/**
 * Orders what is in a cart, or does none of it. Under the call's idempotency key there is one order.
 *
 * @param shop what orders are handled with
 * @param sagas order's sagas
 * @param scope the call
 * @param checkout what the shopper asks for
 * @param token the token of the means of payment
 * @returns the order as it is now
 * @throws SoukError CART_EMPTY, CART_NOT_FOUND, LINE_UNAVAILABLE, SHIPPING_METHOD_UNAVAILABLE, TOTAL_CHANGED,
 *   COUPON_EXHAUSTED, GUEST_EMAIL_MISSING, VAT_ID_INVALID, OUT_OF_STOCK, PAYMENT_DECLINED or PAYMENT_UNAVAILABLE;
 *   DEADLINE_EXCEEDED while it is not known how it ends
 */
export async function placeOrder(
  shop: Shop,
  sagas: Sagas,
  scope: Scope,
  checkout: Checkout,
  token: string,
): Promise<PlacedOrder> {
  const { groups } = checkout.shopper;
  let state: CartState | undefined = await readOrderable(shop.db.sql, checkout);
  const currency = state.cart?.currency ?? shop.currency;
  const ids = state.lines.map(({ variantId }) => variantId);
  const known = await shop.readSaleVariants(scope, { currency, groups }, ids);
  const without = new Set<string>();
  for (;;) {
    try {
      return await placeWith({ state, known, currency, without });
    } catch (error) {
      if (violates(error, CART_AS_READ)) {
        state = undefined;
        continue;
      }
      if (!(error instanceof UsedUp)) throw error;
      refuseCoupon(error);
      // Nobody asked for what is automatic: the order goes on without it.
      for (const { id } of error.offers) without.add(id);
    }
  }

  async function placeWith(
    preparation: Pick<Preparation, "state" | "known" | "currency" | "without">,
  ): Promise<PlacedOrder> {
    const id = uuidv7();
    const orderToken = orderTokenOf(checkout.shopper, scope);
    const orderTokenHash = orderToken === "" ? null : hashOf(orderToken);
    const { orderId, [ORDER]: order } = await sagas.execute(scope, placeOrderSaga, {
      id,
      async prepare(tx) {
        tx.about(id);
        const own = { ...preparation, id, orderTokenHash };
        const order = await prepareOrder(shop, tx, scope, checkout, own);
        const { lines, total, currency, cart_id } = order;
        return {
          [ORDER]: order,
          cartId: cart_id ?? "",
          lines: lines.map(({ variant_id, quantity }) => ({ variantId: variant_id, quantity })),
          total,
          currency,
          token,
          reservationMs: shop.reservationMs,
        };
      },
    });
    return { order: order ?? (await requireOrder(shop.db.sql, orderId)), orderToken };
  }
}

/**
 * The token of a guest's order. It follows from the cart's and from the idempotency key, which only the guest has
 * together, so that who repeats the call is given the same one and nothing of it need be kept.
 */
function orderTokenOf({ cartToken }: Shopper, { idempotency }: Scope): string {
  if (cartToken === "") return "";
  return createHmac("sha256", cartToken).update(`order ${idempotency?.key}`).digest("base64url");
}

/** @throws SoukError COUPON_EXHAUSTED when one of the promotions came with a coupon */
function refuseCoupon({ offers }: UsedUp): void {
  const coupon = offers.find(({ couponCode }) => couponCode !== "");
  if (coupon !== undefined) throw couponExhausted(coupon.couponCode, coupon.usedUp);
}
