import type { Customer } from "../chaos/shop.ts";
import { newPayment, type Payment } from "./payment-model.ts";
import { type Bill, type Currency, type Priced, reckon, SHIPPING_METHODS, type Terms } from "./reckon.ts";

/** What should be true of everything that a story touches. Commands change it as the shop should have changed. */
export interface Model {
  /** What the story is about; nobody else orders it. */
  readonly goods: readonly Goods[];
  readonly shoppers: Shopper[];
  /** What others have set aside and not paid. */
  readonly holds: Hold[];
  /** The oldest first. */
  readonly coupons: Coupon[];
  /** Those without an order. */
  readonly payments: Payment[];
}

/** A variant and how much there is of it. */
export interface Goods {
  readonly variantId: string;
  /** In cents. */
  readonly prices: Readonly<Record<Currency, bigint>>;
  available: bigint;
  reserved: bigint;
}

/** Somebody who shops. */
export interface Shopper {
  readonly customer: Customer;
  /** What the shopper pays with. */
  readonly currency: Currency;
  cart: CartLine[];
  /** The codes in the cart, in the order in which they were added. */
  codes: string[];
  /** All attempts that came so far that an order was made, in the order in which they were. */
  readonly orders: Order[];
  /** PlaceOrder with its key, so that it can come again. */
  readonly attempts: Attempt[];
  /** What the shopper was told, in the shop and by mail. */
  readonly told: Told[];
  /** How many mails come beside that. */
  mailsAlone: number;
}

/** A promotion that comes with a code. */
export interface Coupon extends Terms {
  readonly id: string;
  /** How many orders may use it in all and of each shopper; 0 for any number. */
  readonly limit: number;
  readonly limitEach: number;
  isOver: boolean;
}

/** A line of a cart. */
export interface CartLine {
  readonly id: string;
  /** Index of the goods. */
  readonly goods: number;
  readonly note: string;
  quantity: bigint;
}

/** An order, or what is left of one that was given up. */
export interface Order {
  /** "" until it is known: who is refused is not told it. */
  id: string;
  readonly currency: Currency;
  readonly lines: readonly OrderLine[];
  readonly method: string;
  readonly bill: Bill;
  cancelReason: string;
  /** Whether it came to nothing: it was refused, or all of it was cancelled. */
  isCancelled: boolean;
  readonly shipments: { readonly id: string; isDelivered: boolean }[];
  /** What was given back, in cents. */
  refunded: bigint;
  /** None when it was never asked for. */
  readonly payment: Payment | undefined;
}

/** A line of an order and what became of its pieces. */
export interface OrderLine extends Ordered {
  /** "" until it is known. */
  id: string;
  shipped: bigint;
  cancelled: bigint;
  returned: bigint;
  /** For how many of those that were sent money was given back, and how much. */
  refunded: bigint;
  refundedAmount: bigint;
  /** What promotions take off it, each in cents, as the shop divided them. */
  discounts: readonly bigint[];
}

/** Some of the goods. */
export type Ordered = Pick<CartLine, "goods" | "quantity" | "note">;

/** PlaceOrder as it was asked for. */
export interface Attempt {
  readonly key: string;
  readonly request: PlaceRequest;
  /** The order, or with which reason an order was refused. */
  readonly outcome: Order | string;
}

/** What PlaceOrder is asked for. */
export interface PlaceRequest {
  readonly method: string;
  readonly token: string;
  readonly expected: bigint | undefined;
}

/** A notification. */
export interface Told {
  readonly topic: string;
  /** The order that it is about; nothing for others. */
  readonly order?: Order;
}

/** Stock that somebody else has set aside. */
export interface Hold {
  readonly id: string;
  readonly goods: number;
  readonly quantity: bigint;
  state: "HELD" | "RELEASED";
}

/** How many of a variant one line of a cart may hold. */
export const MOST_OF_A_LINE = 999n;

/** The lines with their prices. */
export function pricedLines(model: Model, lines: readonly Ordered[], currency: Currency): Priced[] {
  return lines.map(({ goods, quantity }) => ({ price: goodsAt(model, goods).prices[currency], quantity }));
}

/**
 * One of the goods.
 *
 * @param index which; counted around
 */
export function goodsAt(model: Model, index: number): Goods {
  return model.goods[index % model.goods.length] as Goods;
}

/**
 * One of the shoppers.
 *
 * @param index which; counted around
 */
export function shopperAt(model: Model, index: number): Shopper {
  return model.shoppers[index % model.shoppers.length] as Shopper;
}

/**
 * One of the payments without an order.
 *
 * @param index which; counted around
 */
export function paymentAt(model: Model, index: number): Payment {
  return model.payments[index % model.payments.length] as Payment;
}

/** The goods of which there is less than is ordered. */
export function lacking(model: Model, lines: readonly Ordered[]): Goods[] {
  return model.goods.filter((goods, index) => goods.available < quantityOf(lines, index));
}

/** Sets stock aside for an order, or gives it back. */
export function moveStock(model: Model, lines: readonly Ordered[], way: "set aside" | "back") {
  const sign = way === "set aside" ? 1n : -1n;
  for (const [index, goods] of model.goods.entries()) {
    const quantity = sign * quantityOf(lines, index);
    goods.available -= quantity;
    goods.reserved += quantity;
  }
}

function quantityOf(lines: readonly Ordered[], index: number): bigint {
  let all = 0n;
  for (const { goods, quantity } of lines) if (goods === index) all += quantity;
  return all;
}

/** The coupons in a cart that are not over, the oldest first. */
export function inForce(model: Model, { codes }: Shopper): Coupon[] {
  return model.coupons.filter(({ code, isOver }) => codes.includes(code) && !isOver);
}

/** How many orders of some shoppers use a coupon. */
export function usesOf(shoppers: readonly Shopper[], { code }: Coupon): number {
  const orders = shoppers.flatMap((shopper) => shopper.orders);
  return orders.filter(
    ({ isCancelled, bill }) => !isCancelled && bill.discounts.some((it) => it.code === code),
  ).length;
}

/** Whether a coupon was used as often as it may be. */
export function isUsedUp({ shoppers }: Model, coupon: Coupon, shopper: Shopper): boolean {
  const { limit, limitEach } = coupon;
  return (
    (limit > 0 && usesOf(shoppers, coupon) >= limit) ||
    (limitEach > 0 && usesOf([shopper], coupon) >= limitEach)
  );
}

/**
 * What is in a cart comes to.
 *
 * @param method how it is shipped; not yet known when left out
 */
export function cartBill(model: Model, shopper: Shopper, method?: string): Bill {
  const { cart, currency } = shopper;
  const usable = inForce(model, shopper).filter((coupon) => !isUsedUp(model, coupon, shopper));
  return reckon(pricedLines(model, cart, currency), currency, usable, method);
}

/** The reason with which a payment provider declines a token; undefined for one that pays. */
const DECLINING = ["tok_declined", "tok_insufficient_funds", "tok_expired_card", "tok_made_up"];
export const TOKENS = ["tok_visa", "tok_mastercard", ...DECLINING];

/**
 * Does in the model what PlaceOrder should do.
 *
 * @returns the order, or the reason with which it is refused
 */
export function placeOrder(
  model: Model,
  shopper: Shopper,
  key: string,
  request: PlaceRequest,
): Order | string {
  const { method, token, expected } = request;
  const { currency } = shopper;
  const lines = shopper.cart.map(({ id: _, ...line }) => line);
  if (lines.length === 0) return "CART_EMPTY";
  const bill = cartBill(model, shopper, method);
  if (inForce(model, shopper).some((coupon) => isUsedUp(model, coupon, shopper))) return "COUPON_EXHAUSTED";
  if (!SHIPPING_METHODS.includes(method)) return "SHIPPING_METHOD_UNAVAILABLE";
  if (expected !== undefined && expected !== bill.total) return "TOTAL_CHANGED";

  const isLacking = lacking(model, lines).length > 0;
  const declined = !isLacking && bill.total > 0n && DECLINING.includes(token);
  const order: Order = {
    id: "",
    currency,
    lines: lines.map((line) => ({ ...line, id: "", ...UNTOUCHED })),
    method,
    bill,
    cancelReason: isLacking ? "OUT_OF_STOCK" : declined ? "PAYMENT_DECLINED" : "",
    isCancelled: isLacking || declined,
    shipments: [],
    refunded: 0n,
    // There is nothing to pay for what is free.
    payment:
      isLacking || bill.total === 0n ? undefined : newPayment({ amount: bill.total, currency, declined }),
  };
  shopper.orders.push(order);
  if (order.isCancelled) {
    shopper.attempts.push({ key, request, outcome: order.cancelReason });
    return order.cancelReason;
  }
  moveStock(model, lines, "set aside");
  shopper.cart = [];
  shopper.told.push({ topic: "order-confirmed", order });
  shopper.attempts.push({ key, request, outcome: order });
  return order;
}

const UNTOUCHED = {
  shipped: 0n,
  cancelled: 0n,
  returned: 0n,
  refunded: 0n,
  refundedAmount: 0n,
  discounts: [],
};
