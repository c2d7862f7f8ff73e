import { createHmac } from "node:crypto";
import { durationFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { uuidv7 } from "uuidv7";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { type Payment, PaymentService, PaymentState } from "#gen/souk/payment/v1/payment_pb.ts";
import { violates } from "#kit/data/failure.ts";
import { codeName, isRefusal } from "#kit/error.ts";
import { money } from "#kit/money.ts";
import { defineSaga } from "#kit/saga/define-saga.ts";
import type { Sagas } from "#kit/saga/sagas.ts";
import type { Scope } from "#kit/scope.ts";
import { type FoundWaiting, keepWaiting, waitingOf } from "../back-orders.ts";
import { CART_AS_READ } from "../cart/cart-rows.ts";
import { couponExhausted } from "../cart/coupons.ts";
import type { CartState } from "../cart/read-cart.ts";
import { groupsOf, hashOf, type Shopper } from "../cart/shopper.ts";
import { requireOrder } from "../change-order.ts";
import type { entities } from "../entities.ts";
import { ErrorReason, ErrorReasonSchema } from "../errors.ts";
import { moveOrder } from "../move-order.ts";
import type { StoredOrder } from "../order-parts.ts";
import { giveBackPromotions, UsedUp } from "../promotions/use-promotions.ts";
import type { Shop } from "../shop.ts";
import { paymentError, stockError } from "../translate-error.ts";
import { requireReturnUri } from "./checkout-rules.ts";
import { awaitConfirmation, type Confirmation, confirmOrder } from "./confirm-order.ts";
import { type MeansPart, readMeans, splitPayment } from "./means.ts";
import { type Checkout, type Preparation, prepareOrder, readOrderable } from "./prepare-order.ts";

/** The order itself, for who goes on, or waits, in the process that has it. */
const ORDER = Symbol("order");

/** What the saga of an order is started with; its id is the order's, the reservation's and the payment's. */
type Placing = {
  readonly [ORDER]?: StoredOrder;
  readonly cartId: string;
  readonly lines: readonly { readonly variantId: string; readonly quantity: bigint }[];
  readonly total: bigint;
  readonly currency: string;
  /** Of the card; like the codes of gift cards, it is forgotten with the saga's input when that ends. */
  readonly token: string;
  /** What pays beside it. */
  readonly means: readonly Pick<MeansPart, "code" | "minor">[];
  /** The customer; "" for a guest. */
  readonly accountId: string;
  readonly returnUri: string;
  /** How long the stock is set aside, in ms. */
  readonly reservationMs: number;
  /** How long the order waits for its customer to confirm the payment, in ms. */
  readonly confirmMs: number;
};

/** For no longer than this, in ms, does inventory keep a reservation that is not final. */
const LONGEST_RESERVATION_MS = 24 * 3_600_000;

/** What becomes of it. */
type Placed = { readonly orderId: string; readonly [ORDER]?: StoredOrder };

/**
 * Places an order. The PENDING order is there when it begins. Stock is made final before the order is confirmed:
 * a reservation that ran out, because nobody went on in time, then fails the order while it can still be undone,
 * and once the last step is taken nothing is left that could fail for good. Where the customer has to confirm the
 * payment first, nothing is made final: the stock is kept for as long, and complete-payment goes on.
 *
 * The times leave the caller an answer within the 10 s of PlaceOrder also when the payment hangs.
 */
export const placeOrderSaga = defineSaga<Placing, Confirmation & FoundWaiting, Placed, typeof entities>({
  name: "place-order",
  steps: [
    {
      name: "reserve-stock",
      timeoutMs: 2_500,
      attempts: 2,
      async run({ sagaId, input, scope }) {
        const { lines, reservationMs } = input;
        const request = { reservationId: sagaId, lines: [...lines], ttl: durationFromMs(reservationMs) };
        const waiting = waitingOf(await scope.mesh(InventoryService).reserveStock(request).catch(stockError));
        return waiting.variantIds.length > 0 ? { waiting } : undefined;
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
        const { total, currency, token, means, accountId, returnUri, confirmMs } = input;
        // There is nothing to pay for what is free.
        if (total === 0n) return undefined;
        const amount = money(total, currency);
        const request = { paymentId: sagaId, amount, token, accountId, returnUri, means: means.map(toMeans) };
        const { payment } = await scope.mesh(PaymentService).authorizePayment(request).catch(paymentError);
        return confirmationOf(payment, Date.now() + confirmMs);
      },
      async undo({ sagaId, scope }) {
        await scope.mesh(PaymentService).voidPayment({ paymentId: sagaId });
      },
    },
    {
      name: "commit-reservation",
      async run({ sagaId, input, data: { confirmUntil }, scope }) {
        const inventory = scope.mesh(InventoryService);
        if (confirmUntil === undefined) {
          await inventory.commitReservation({ reservationId: sagaId });
        } else {
          const ttlMs = Math.min(confirmUntil - Date.now() + input.reservationMs, LONGEST_RESERVATION_MS);
          await inventory.renewReservation({ reservationId: sagaId, ttl: durationFromMs(ttlMs) });
        }
        return undefined;
      },
    },
  ],
  async complete({ sagaId, input, data: { confirmUri = "", confirmUntil, waiting } }, tx) {
    const kept = waiting && (await keepWaiting(tx, sagaId, waiting));
    const known = input[ORDER] && { ...input[ORDER], ...kept };
    const order =
      confirmUntil === undefined
        ? await confirmOrder(tx, sagaId, "PENDING", input.cartId, known)
        : await awaitConfirmation(tx, sagaId, { confirmUri, confirmUntil });
    return { orderId: sagaId, [ORDER]: order };
  },
  async abandon({ sagaId }, error, tx) {
    const order = await moveOrder(tx, sagaId, "PENDING", "CANCELLED", error.reason || codeName(error.code));
    if (order.discounts.length > 0) await giveBackPromotions(tx, sagaId);
  },
});

function toMeans({ code, minor: amountMinor }: Pick<MeansPart, "code" | "minor">) {
  return code === ""
    ? { means: { case: "storeCredit", value: {} } as const, amountMinor }
    : { means: { case: "giftCardCode", value: code } as const, amountMinor };
}

/** Undefined where the customer need not confirm the payment. */
function confirmationOf(payment: Payment | undefined, latest: number): Confirmation | undefined {
  if (payment?.state !== PaymentState.ACTION_REQUIRED) return undefined;
  const { redirectUri = "", expireTime } = payment.action ?? {};
  const until = expireTime === undefined ? latest : Math.min(latest, timestampMs(expireTime));
  return { confirmUri: redirectUri, confirmUntil: until };
}

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
 * @returns the order as it is now: AWAITING_PAYMENT where its customer has to confirm the payment
 * @throws SoukError CART_EMPTY, CART_NOT_FOUND, LINE_UNAVAILABLE, SHIPPING_METHOD_UNAVAILABLE, TOTAL_CHANGED,
 *   COUPON_EXHAUSTED, GUEST_EMAIL_MISSING, VAT_ID_INVALID, OUT_OF_STOCK, GIFT_CARD_REFUSED, STORE_CREDIT_REFUSED,
 *   RETURN_URI_REFUSED, PAYMENT_DECLINED or PAYMENT_UNAVAILABLE; INVALID_REQUEST when nothing pays what is left for a
 *   card; DEADLINE_EXCEEDED while it is not known how it ends
 */
export async function placeOrder(
  shop: Shop,
  sagas: Sagas,
  scope: Scope,
  checkout: Checkout,
): Promise<PlacedOrder> {
  const { shopper, paying } = checkout;
  requireReturnUri(shop, paying.returnUri);
  // Before the cart: where another order of it has spent them, the cart tells that nothing is left to order.
  const means = await readMeans(scope, shopper, paying);
  let state: CartState | undefined = await readOrderable(shop.db.sql, checkout);
  const currency = state.cart?.currency ?? shop.currency;
  const ids = state.lines.map(({ variantId }) => variantId);
  const known = await shop.readSaleVariants(scope, { currency, groups: groupsOf(shopper, state) }, ids);
  const without = new Set<string>();
  for (;;) {
    try {
      return await placeWith({ state, known, currency, means, without });
    } catch (error) {
      if (violates(error, CART_AS_READ)) {
        state = undefined;
        continue;
      }
      // What an order of before held may be free since the cart was read: then this call is the one that orders it.
      if (state?.lines.length === 0 && isRefusal(error, ErrorReasonSchema, ErrorReason.CART_EMPTY)) {
        const { lines } = await readOrderable(shop.db.sql, checkout);
        if (lines.length > 0) return placeOrder(shop, sagas, scope, checkout);
      }
      if (!(error instanceof UsedUp)) throw error;
      const coupon = error.offers.find(({ couponCode }) => couponCode !== "");
      if (coupon === undefined) {
        // Nobody asked for what is automatic: the order goes on without it.
        for (const { id } of error.offers) without.add(id);
        continue;
      }
      if (state === undefined) throw couponExhausted(coupon.couponCode, coupon.usedUp);
      // The use may be that of another order of the same cart: what is left in it tells.
      state = undefined;
    }
  }

  async function placeWith(
    preparation: Pick<Preparation, "state" | "known" | "currency" | "means" | "without">,
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
        const { lines, total, currency, cart_id, customer_id } = order;
        return {
          [ORDER]: order,
          cartId: cart_id ?? "",
          lines: lines.map(({ variant_id, quantity }) => ({ variantId: variant_id, quantity })),
          total,
          currency,
          token: paying.token,
          means: splitPayment(total, currency, means).shares.map(({ code, minor }) => ({ code, minor })),
          accountId: customer_id ?? "",
          returnUri: paying.returnUri,
          reservationMs: shop.reservationMs,
          confirmMs: shop.confirmMs,
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
