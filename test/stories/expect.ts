import assert from "node:assert/strict";
import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import type { Cart, CartLine as ToldLine } from "#gen/souk/order/v1/cart_pb.ts";
import type { Quote } from "#gen/souk/order/v1/checkout_pb.ts";
import { MeansKind } from "#gen/souk/order/v1/means_pb.ts";
import { OrderState, type Order as ToldOrder } from "#gen/souk/order/v1/order_pb.ts";
import type { Discount as ToldDiscount } from "#gen/souk/order/v1/totals_pb.ts";
import { PaymentState, type Payment as ToldPayment } from "#gen/souk/payment/v1/payment_pb.ts";
import { cartBill } from "./cart-model.ts";
import type { Discount } from "./discounts.ts";
import { goodsAt, type Model, type Order, type Ordered, type Shopper } from "./model.ts";
import { cancelledOf, stateOf as stateOfOrder } from "./order-model.ts";
import { capturedOf } from "./order-money.ts";
import { moneyOf, type Payment, stateOf } from "./payment-model.ts";
import type { Bill, Currency } from "./reckon.ts";

/**
 * Requires that a cart holds what the model says, and that it adds up.
 *
 * @returns the lines as told
 */
export function expectCart(cart: Cart | undefined, model: Model, shopper: Shopper) {
  const bill = cartBill(model, shopper);
  const told = cart?.lines ?? [];
  // An empty cart that nobody used has the currency of the shop.
  const isUsed = shopper.cart.length + shopper.saved.length > 0;
  const currency = isUsed ? shopper.currency : ((cart?.currency ?? "") as Currency);
  const aside = (lines: readonly ToldLine[]) =>
    lines.map((it) => ({ ...facts(it, currency), unavailable: it.unavailable }));
  assert.deepEqual(
    {
      lines: aside(told),
      saved: aside(cart?.savedLines ?? []),
      codes: cart?.couponCodes,
      discounts: cart?.discounts.map((it) => toDiscount(it, currency)),
      sums: [minorIn(cart?.subtotal, currency), minorIn(cart?.total, currency)],
    },
    {
      lines: shopper.cart.map((it, index) => expectedLine(model, it, currency, bill.lines[index])),
      saved: shopper.saved.map((it) => expectedLine(model, it, currency, [])),
      codes: shopper.codes,
      discounts: bill.discounts,
      sums: [bill.subtotal, bill.total],
    },
  );
  return told;
}

function expectedLine(model: Model, line: Ordered, currency: Currency, discounts: readonly Discount[] = []) {
  return { ...lineFacts(model, line, currency, discounts), unavailable: false };
}

/** Keeps the ids of an order, of its lines and of its payments that are told for the first time. */
export function know(order: Order, told: ToldOrder | undefined): void {
  if (told === undefined) return;
  if (order.id === "") {
    order.id = told.id;
    for (const payment of order.paid) payment.id = told.id;
  }
  for (const [index, { payment }] of order.payments.entries()) {
    payment.id ||= told.payments[index]?.paymentId ?? "";
  }
  for (const [index, line] of order.lines.entries()) line.id ||= told.lines[index]?.id ?? "";
}

/** Requires that an order is what the model says, to the cent. */
export function expectOrder(order: ToldOrder | undefined, model: Model, expected: Order): void {
  const { currency, bill } = expected;
  assert.deepEqual(
    {
      state: order?.state,
      cancelReason: order?.cancelReason,
      method: order?.shippingMethod,
      city: order?.shippingAddress?.city,
      replaces: order?.exchangeOfOrderId,
      means: order?.means.map(({ kind, amount }) => [kind, minorIn(amount, currency)]),
      payments: order?.payments.map(({ paymentId, amount, captured, refunded, exchanged, restRefused }) => ({
        id: paymentId,
        exchanged,
        restRefused,
        money: [amount, captured, refunded].map((it) => minorIn(it, currency)),
      })),
      lines: order?.lines.map((line) => ({
        ...facts(line, currency),
        ...piecesOf(line),
        discounts: line.discounts.map((it) => toDiscount(it, currency)),
      })),
      cancelled: minorIn(order?.cancelled, currency),
      captured: minorIn(order?.captured, currency),
      refunded: minorIn(order?.refunded, currency),
      bill: billOf(order, currency),
    },
    {
      state: OrderState[stateOfOrder(expected)],
      cancelReason: expected.cancelReason,
      method: expected.method,
      city: expected.city,
      replaces: expected.replaces?.id ?? "",
      means: expected.means.map(({ balance, minor }) => [
        balance.kind === "gift card" ? MeansKind.GIFT_CARD : MeansKind.STORE_CREDIT,
        minor,
      ]),
      payments: expected.payments.map(({ payment, exchanged, restRefused, amount, captured, refunded }) => ({
        id: payment.id,
        exchanged,
        restRefused: restRefused === true && amount !== captured,
        money: [amount, captured, refunded],
      })),
      lines: expected.lines.map((line, index) => ({
        ...lineFacts(model, line, currency, bill.lines[index]),
        ...piecesOf(line),
        discounts: bill.lines[index],
      })),
      cancelled: cancelledOf(model, expected),
      captured: capturedOf(expected),
      refunded: expected.refunded,
      bill: toldBill(bill),
    },
  );
}

/** Requires that a payment is what the model says, to the cent. */
export function expectPayment(told: ToldPayment | undefined, payment: Payment): void {
  const { currency, amount } = payment;
  const { captured, refunded } = moneyOf(payment);
  const amounts = [told?.amount, told?.captured, told?.refunded];
  assert.deepEqual(
    [told?.state, ...amounts.map((it) => `${it?.minor} ${it?.currency}`)],
    [PaymentState[stateOf(payment)], ...[amount, captured, refunded].map((it) => `${it} ${currency}`)],
    `payment ${payment.id}`,
  );
}

/** What an order or a quote comes to, as it is told. */
export function billOf(told: ToldOrder | Quote | undefined, currency: string) {
  const { subtotal, shipping, taxIncluded, total, discounts = [] } = told ?? {};
  return {
    discounts: discounts.map((it) => toDiscount(it, currency)),
    subtotal: minorIn(subtotal, currency),
    shipping: minorIn(shipping, currency),
    taxIncluded: minorIn(taxIncluded, currency),
    total: minorIn(total, currency),
  };
}

/** A bill as it is told. */
export function toldBill({ lines: _, ...bill }: Bill) {
  return bill;
}

/** A discount as it is told. */
export function toDiscount(
  { promotionId: promotion, couponCode: code, amount }: ToldDiscount,
  currency: string,
) {
  return { promotion, code, amount: minorIn(amount, currency) };
}

/** What became of the pieces of a line. */
function piecesOf({
  shipped,
  cancelled,
  returned,
}: Pick<ToldOrder["lines"][number], "shipped" | "cancelled" | "returned">) {
  return { shipped, cancelled, returned };
}

function facts(line: ToldOrder["lines"][number] | ToldLine, currency: string) {
  const { variantId, quantity, note, unitPrice, total, discount } = line;
  return {
    variantId,
    quantity,
    note,
    unitPrice: minorIn(unitPrice, currency),
    total: minorIn(total, currency),
    discount: minorIn(discount, currency),
  };
}

function lineFacts(
  model: Model,
  { goods, quantity, note }: Ordered,
  currency: Currency,
  discounts: readonly Discount[] = [],
) {
  const { variantId, prices } = goodsAt(model, goods);
  const unitPrice = prices[currency];
  const discount = discounts.reduce((sum, { amount }) => sum + amount, 0n);
  return { variantId, quantity, note, unitPrice, total: unitPrice * quantity - discount, discount };
}

function minorIn(amount: Money | undefined, currency: string): bigint | undefined {
  assert.equal(amount?.currency, currency);
  return amount?.minor;
}
