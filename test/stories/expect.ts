import assert from "node:assert/strict";
import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import type { Cart } from "#gen/souk/order/v1/cart_pb.ts";
import type { Quote } from "#gen/souk/order/v1/checkout_pb.ts";
import { OrderState, type Order as ToldOrder } from "#gen/souk/order/v1/order_pb.ts";
import { PaymentState, type Payment as ToldPayment } from "#gen/souk/payment/v1/payment_pb.ts";
import { cartBill, goodsAt, type Model, type Order, type Ordered, type Shopper } from "./model.ts";
import { cancelledOf, capturedOf, stateOf as stateOfOrder } from "./order-model.ts";
import { type Payment, stateOf } from "./payment-model.ts";
import type { Bill, Currency } from "./reckon.ts";

/**
 * Requires that a cart holds what the model says, and that it adds up.
 *
 * @returns the lines as told
 */
export function expectCart(cart: Cart | undefined, model: Model, shopper: Shopper) {
  const { subtotal, total, discounts } = cartBill(model, shopper);
  const told = cart?.lines ?? [];
  assert.deepEqual(
    told.map((line) => ({ ...facts(line, shopper.currency), unavailable: line.unavailable })),
    shopper.cart.map((line) => ({ ...lineFacts(model, line, shopper.currency), unavailable: false })),
  );
  // An empty cart that nobody used has the currency of the shop.
  const currency = told.length === 0 ? (cart?.subtotal?.currency ?? "") : shopper.currency;
  assert.deepEqual([minorIn(cart?.subtotal, currency), minorIn(cart?.total, currency)], [subtotal, total]);
  const applied = cart?.discounts.map(({ couponCode, amount }) => [couponCode, amount?.minor]);
  assert.deepEqual(
    [applied, cart?.couponCodes],
    [discounts.map(({ code, amount }) => [code, amount]), shopper.codes],
  );
  return told;
}

/** Keeps the ids of an order that is told for the first time. */
export function know(order: Order, told: ToldOrder | undefined): void {
  if (order.id !== "" || told === undefined) return;
  order.id = told.id;
  if (order.payment !== undefined) order.payment.id = told.id;
  for (const [index, line] of order.lines.entries()) {
    line.id = told.lines[index]?.id ?? "";
    line.discounts = told.lines[index]?.discounts.map(({ amount }) => amount?.minor ?? 0n) ?? [];
  }
  requireFairShares(order, told);
}

/** What a promotion takes off the lines, each bears in proportion to what is left to pay for it, to the cent. */
function requireFairShares({ bill }: Order, { lines }: ToldOrder): void {
  const left = lines.map(({ unitPrice, quantity }) => (unitPrice?.minor ?? 0n) * quantity);
  for (const { code, amount } of bill.discounts.filter(({ ofShipping }) => !ofShipping)) {
    const all = left.reduce((sum, each) => sum + each, 0n);
    let divided = 0n;
    for (const [index, line] of lines.entries()) {
      const share = line.discounts.find(({ couponCode }) => couponCode === code)?.amount?.minor ?? 0n;
      const off = share * all - amount * (left[index] as bigint);
      assert.ok(off < all && -off < all, `${code} takes ${share} off line ${line.id}`);
      left[index] = (left[index] as bigint) - share;
      divided += share;
    }
    assert.equal(divided, amount, `what ${code} takes off the lines`);
  }
}

/** Requires that an order is what the model says, to the cent. */
export function expectOrder(order: ToldOrder | undefined, model: Model, expected: Order): void {
  const { currency } = expected;
  assert.deepEqual(
    {
      state: order?.state,
      cancelReason: order?.cancelReason,
      method: order?.shippingMethod,
      lines: order?.lines.map((line) => ({ ...facts(line, currency), ...piecesOf(line) })),
      cancelled: minorIn(order?.cancelled, currency),
      captured: minorIn(order?.captured, currency),
      refunded: minorIn(order?.refunded, currency),
      bill: billOf(order, currency),
    },
    {
      state: OrderState[stateOfOrder(expected)],
      cancelReason: expected.cancelReason,
      method: expected.method,
      lines: expected.lines.map((line) => ({ ...lineFacts(model, line, currency), ...piecesOf(line) })),
      cancelled: cancelledOf(model, expected),
      captured: capturedOf(expected),
      refunded: expected.refunded,
      bill: toldBill(expected.bill),
    },
  );
}

/** Requires that a payment is what the model says, to the cent. */
export function expectPayment(told: ToldPayment | undefined, payment: Payment): void {
  const { currency } = payment;
  const amounts = [told?.amount, told?.captured, told?.refunded];
  assert.deepEqual(
    [told?.state, ...amounts.map((it) => `${it?.minor} ${it?.currency}`)],
    [
      PaymentState[stateOf(payment)],
      ...[payment.amount, payment.captured, payment.refunded].map((it) => `${it} ${currency}`),
    ],
    `payment ${payment.id}`,
  );
}

/** What an order or a quote comes to, as it is told. */
export function billOf(told: ToldOrder | Quote | undefined, currency: string) {
  const { subtotal, shipping, taxIncluded, total, discounts = [] } = told ?? {};
  return {
    discounts: discounts.map(({ couponCode: code, amount }) => ({ code, amount: minorIn(amount, currency) })),
    subtotal: minorIn(subtotal, currency),
    shipping: minorIn(shipping, currency),
    taxIncluded: minorIn(taxIncluded, currency),
    total: minorIn(total, currency),
  };
}

/** A bill as it is told. */
export function toldBill({ discounts, ...bill }: Bill) {
  return { ...bill, discounts: discounts.map(({ code, amount }) => ({ code, amount })) };
}

/** What became of the pieces of a line. */
function piecesOf({
  shipped,
  cancelled,
  returned,
}: Pick<ToldOrder["lines"][number], "shipped" | "cancelled" | "returned">) {
  return { shipped, cancelled, returned };
}

function facts(line: ToldOrder["lines"][number] | Cart["lines"][number], currency: string) {
  const { variantId, quantity, note, unitPrice, total, discount } = line;
  return {
    variantId,
    quantity,
    note,
    unitPrice: minorIn(unitPrice, currency),
    beforeDiscount: (minorIn(total, currency) ?? 0n) + (minorIn(discount, currency) ?? 0n),
  };
}

function lineFacts(model: Model, { goods, quantity, note }: Ordered, currency: Currency) {
  const { variantId, prices } = goodsAt(model, goods);
  const price = prices[currency];
  return { variantId, quantity, note, unitPrice: price, beforeDiscount: price * quantity };
}

function minorIn(amount: Money | undefined, currency: string): bigint | undefined {
  assert.equal(amount?.currency, currency);
  return amount?.minor;
}
