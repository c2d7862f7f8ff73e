import { cartBill, inForce, isUsedUp } from "./cart-model.ts";
import {
  type Model,
  type Order,
  type PlaceRequest,
  type Promotion,
  portionsOf,
  type Shopper,
  tell,
} from "./model.ts";
import { UNTOUCHED } from "./order-model.ts";
import { ownPayment } from "./order-money.ts";
import { free, type Means, newPayment } from "./payment-model.ts";
import { type Currency, SHIPPING_METHODS } from "./reckon.ts";
import { lackingOf, release, reserve } from "./warehouse.ts";

/** The cards that a payment provider declines. */
export const DECLINING = ["tok_declined", "tok_insufficient_funds", "tok_expired_card", "tok_made_up"];
/** The card to which a payment provider gives nothing back. */
const NOT_BACK = "tok_refund_fails";
/** All cards. */
export const TOKENS = ["tok_visa", "tok_mastercard", NOT_BACK, ...DECLINING];
/** How the cards begin that a customer has to confirm. */
const ASKING = "tok_3ds";
/** Where orders go to. */
const CITY = "Kiel";

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
  const lines = shopper.cart.map(({ goods, note, quantity }) => ({ goods, note, quantity }));
  if (lines.length === 0) return "CART_EMPTY";
  const isSpent = (it: Promotion) => it.code !== "" && isUsedUp(model, it, shopper, true);
  if (inForce(model, shopper).some(isSpent)) return "COUPON_EXHAUSTED";
  if (!SHIPPING_METHODS.includes(method)) return "SHIPPING_METHOD_UNAVAILABLE";
  const bill = cartBill(model, shopper, method, true);
  if (expected !== undefined && expected !== bill.total) return "TOTAL_CHANGED";

  const means = splitPayment(shopper, request, bill.total);
  if (typeof means === "string") return means;
  const card = means.reduce((left, { minor }) => left - minor, bill.total);
  if (card > 0n && token === "") return "INVALID_REQUEST";

  const portions = portionsOf(model, lines);
  const isLacking = lackingOf(portions).size > 0;
  const isAsked = card > 0n && token.startsWith(ASKING);
  const isRefused = DECLINING.includes(token) || (isAsked && request.returnUri === "");
  const declined = !isLacking && card > 0n && isRefused;
  const isCancelled = isLacking || declined;
  // There is nothing to pay for what is free.
  const isPaid = !isLacking && bill.total > 0n;
  const asked = { ...askedOf(shopper, currency, token), amount: bill.total, declined };
  const paid = isPaid ? [newPayment({ ...asked, means })] : [];
  const order: Order = {
    id: "",
    currency,
    lines: lines.map((line, index) => {
      const discounts = bill.lines[index]?.map(({ amount }) => amount) ?? [];
      return { ...line, ...UNTOUCHED, discounts };
    }),
    method,
    city: CITY,
    bill,
    uses: model.promotions.filter(({ id }) => bill.discounts.some(({ promotion }) => promotion === id)),
    cancelReason: isLacking ? "OUT_OF_STOCK" : declined ? "PAYMENT_DECLINED" : "",
    isCancelled,
    shipments: [],
    refunded: 0n,
    refunding: 0n,
    isShippingRefunded: false,
    isAwaited: isAsked && !isCancelled,
    means,
    payments: isCancelled ? [] : paid.map(ownPayment),
    paid,
    reservation: isCancelled ? { shares: [] } : reserve(portions),
    replaces: undefined,
    waitsFor: undefined,
  };
  shopper.orders.push(order);
  if (order.isCancelled) {
    shopper.attempts.push({ key, request, outcome: order.cancelReason });
    return order.cancelReason;
  }
  shopper.attempts.push({ key, request, outcome: order });
  if (!order.isAwaited) confirm(shopper, order);
  return order;
}

/** What is asked for with every payment of a shopper. */
export function askedOf({ isGuest, credit }: Shopper, currency: Currency, token: string) {
  const account = isGuest ? undefined : credit[currency];
  return { currency, refundsFail: token === NOT_BACK, account };
}

/** Does in the model what should be done once an order is certain: all that is in its cart leaves it. */
export function confirm(shopper: Shopper, order: Order): void {
  order.isAwaited = false;
  shopper.cart = [];
  shopper.codes = shopper.codes.filter((code) => !order.bill.discounts.some((it) => it.code === code));
  tell(shopper, { topic: "order-confirmed", order });
}

/**
 * Does in the model what should be done with an order whose payment is not confirmed.
 *
 * @param reason why it is cancelled
 */
export function giveUp(order: Order, reason: string): void {
  Object.assign(order, { isAwaited: false, isCancelled: true, cancelReason: reason, payments: [] });
  for (const payment of order.paid) free(payment);
  release(order.reservation);
}

/**
 * What gift cards and store credit pay of a total, in cents.
 *
 * @returns the reason when one cannot, or not what it shall
 */
function splitPayment(
  { isGuest, currency, credit }: Shopper,
  { giftCards, credit: ofCredit }: PlaceRequest,
  total: bigint,
): Means[] | string {
  const means: Means[] = [];
  let left = total;
  const wanted = [
    ...giftCards,
    ...(ofCredit === undefined ? [] : [{ ...ofCredit, balance: credit[currency] }]),
  ];
  for (const { balance, most } of wanted) {
    const { kind, isDisabled, minor } = balance;
    const isCard = kind === "gift card";
    const refusal = isCard ? "GIFT_CARD_REFUSED" : "STORE_CREDIT_REFUSED";
    const isUsable = isCard ? !isDisabled && minor > 0n && balance.currency === currency : !isGuest;
    const asked = most !== undefined && most < left ? most : left;
    if (!isUsable || (most !== undefined && asked > minor)) return refusal;
    const paid = asked < minor ? asked : minor;
    if (paid > 0n) means.push({ balance, minor: paid });
    left -= paid;
  }
  return means;
}
