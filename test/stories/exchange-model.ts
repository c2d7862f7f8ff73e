import type { Discount, Terms } from "./discounts.ts";
import { withDiscounts } from "./edit-model.ts";
import {
  goodsAt,
  MOST_OF_A_LINE,
  type Model,
  type Order,
  type Ordered,
  type OrderLine,
  type Pieces,
  portionsOf,
  type Shopper,
  tell,
} from "./model.ts";
import { sharesOf, stateOf, UNTOUCHED, worthOf } from "./order-model.ts";
import { keep, type OrderPayment, ownPayment } from "./order-money.ts";
import { newPayment } from "./payment-model.ts";
import { askedOf } from "./place-model.ts";
import { type Bill, reckon } from "./reckon.ts";
import { beginReturn, refundOf } from "./return-model.ts";
import { type Portions, reserve } from "./warehouse.ts";

/** What is asked to exchange. */
export interface Wish {
  readonly pieces: readonly Pieces[];
  readonly sent: readonly Ordered[];
  readonly sentFirst: boolean;
}

/** What an exchange would come to. */
export interface ExchangePlan {
  readonly wish: Wish;
  readonly amount: bigint;
  readonly costs: readonly bigint[];
  readonly bill: Bill;
  readonly difference: bigint;
  readonly missing: bigint;
  readonly more: Portions;
}

/** How many pieces of a line can be exchanged. */
export function exchangeable({ shipped, awaited, returned, refunded }: OrderLine): bigint {
  const here = shipped - awaited - returned;
  const paid = shipped - refunded;
  return here < paid ? here : paid;
}

/**
 * What an exchange would come to.
 *
 * @returns the plan, or the reason with which it is refused
 */
export function planExchange(
  model: Model,
  { isGuest }: Shopper,
  order: Order,
  wish: Wish,
): ExchangePlan | string {
  const { pieces, sent } = wish;
  const { currency } = order;
  if (!["PARTIALLY_SHIPPED", "SHIPPED", "DELIVERED"].includes(stateOf(order))) return "ORDER_NOT_RETURNABLE";
  if (pieces.some(({ line, count }) => count > exchangeable(line))) return "QUANTITY_EXCEEDED";
  const { amount, costs } = refundOf(model, order, pieces);
  const worth = pieces.reduce((sum, { line, count }) => {
    const price = goodsAt(model, line.goods).prices[currency];
    return sum + worthOf(price, line, line.refunded + count) - worthOf(price, line, line.refunded);
  }, 0n);
  // What was free can be exchanged; what was given back cannot.
  if (amount === 0n && worth > 0n) return "REFUND_EXCEEDED";
  if (sent.some(({ quantity }) => quantity > MOST_OF_A_LINE)) return "CART_TOO_LARGE";
  const lines = sent.map(({ goods, quantity }) => {
    const { prices, product } = goodsAt(model, goods);
    return { price: prices[currency], quantity, product };
  });
  const basket = { lines, currency, buyer: { isGuest, isNew: true }, method: order.method, shippingCost: 0n };
  const bill = reckon(basket, carriedOver(model, order, pieces));
  const difference = bill.total - amount;
  const missing = difference > 0n ? difference : 0n;
  return { wish, amount, costs, bill, difference, missing, more: portionsOf(model, sent) };
}

/**
 * Does in the model what an exchange should do.
 *
 * @param made of the card that pays, and of the return of the goods that come back
 */
export function applyExchange(
  model: Model,
  owner: Shopper,
  order: Order,
  plan: ExchangePlan,
  { token, returnId }: { readonly token: string; readonly returnId: string },
): Order {
  const { wish, amount, costs, missing, more } = plan;
  const shares = keep(order, amount);
  order.refunding += amount;
  for (const [index, { line, count }] of wish.pieces.entries()) {
    line.refunded += count;
    line.refundedAmount += costs[index] ?? 0n;
  }
  const returned = beginReturn(model, {
    id: returnId,
    owner,
    order,
    pieces: wish.pieces,
    sentFirst: wish.sentFirst,
    exchange: { amount, costs, shares },
  });
  const paid =
    missing > 0n
      ? [newPayment({ ...askedOf(owner, order.currency, token), amount: missing, declined: false })]
      : [];
  const exchanged = shares.map(({ from, amount: share }): OrderPayment => {
    return { payment: from.payment, amount: share, captured: 0n, refunded: 0n, exchanged: true };
  });
  const replacement: Order = {
    ...replacementOf(order, plan),
    payments: [...exchanged, ...paid.map(ownPayment)],
    paid,
    reservation: reserve(more),
    waitsFor: returned,
  };
  owner.orders.push(replacement);
  tell(owner, { topic: "return-approved", order });
  tell(owner, { topic: "order-confirmed", order: replacement });
  tell(owner, { topic: "order-exchanged", order });
  return replacement;
}

/** Keeps in the model what is left of an exchange for which stock or money was not to be had. */
export function giveUpExchange(owner: Shopper, order: Order, plan: ExchangePlan, reason: string): void {
  const { missing: amount } = plan;
  const isDeclined = reason === "PAYMENT_DECLINED";
  owner.orders.push({
    ...replacementOf(order, plan),
    cancelReason: reason,
    isCancelled: true,
    paid: isDeclined ? [newPayment({ amount, currency: order.currency, declined: true })] : [],
  });
}

function replacementOf(order: Order, { wish, bill }: ExchangePlan): Order {
  const { currency, method, city } = order;
  const lines = wish.sent.map((line): OrderLine => ({ ...line, ...UNTOUCHED, discounts: [] }));
  return {
    id: "",
    currency,
    lines: withDiscounts(lines, bill),
    method,
    city,
    bill,
    uses: [],
    cancelReason: "",
    isCancelled: false,
    shipments: [],
    refunded: 0n,
    refunding: 0n,
    isShippingRefunded: false,
    isAwaited: false,
    means: [],
    payments: [],
    paid: [],
    reservation: { shares: [] },
    replaces: order,
    waitsFor: undefined,
  };
}

/** What promotions took off pieces, as promotions of their own. */
function carriedOver({ promotions }: Model, { lines, bill }: Order, pieces: readonly Pieces[]): Terms[] {
  const discounts = pieces.flatMap(({ line, count }) => {
    const before = sharesOf(line.discounts, line, line.refunded);
    const until = sharesOf(line.discounts, line, line.refunded + count);
    return (bill.lines[lines.indexOf(line)] ?? []).map((it, index): Discount => {
      return { ...it, amount: (until[index] ?? 0n) - (before[index] ?? 0n) };
    });
  });
  return promotions.flatMap(({ id }): Terms[] => {
    const same = discounts.filter(({ promotion }) => promotion === id);
    const [first] = same;
    if (first === undefined) return [];
    const minor = same.reduce((sum, { amount }) => sum + amount, 0n);
    return [
      {
        id,
        code: first.code,
        priority: 0,
        exclusive: false,
        conditions: { product: undefined, minimum: undefined, pieces: 0n, who: "anybody" },
        effect: { kind: "amount", off: { EUR: minor, USD: minor }, each: false },
      },
    ];
  });
}
