import { goodsAt, type Model, moveStock, type Order, type OrderLine, type Shopper } from "./model.ts";
import type { Bill } from "./reckon.ts";

/** The state of an order, as the contract names it. */
export function stateOf({ isCancelled, lines, shipments }: Order) {
  if (isCancelled) return "CANCELLED";
  const shipped = sumOf(lines, (line) => line.shipped);
  if (shipped === 0n) return "CONFIRMED";
  if (sumOf(lines, openPieces) > 0n) return "PARTIALLY_SHIPPED";
  if (sumOf(lines, (line) => line.returned) === shipped) return "RETURNED";
  return shipments.every(({ isDelivered }) => isDelivered) ? "DELIVERED" : "SHIPPED";
}

/** How many pieces of a line are neither sent nor cancelled. */
export function openPieces({ quantity, shipped, cancelled }: OrderLine): bigint {
  return quantity - shipped - cancelled;
}

/** What was taken of an order, in cents. */
export function capturedOf({ payment }: Order): bigint {
  return payment?.captured ?? 0n;
}

/** What is no longer to pay of an order, in cents: where nothing is left of it, shipping neither. */
export function cancelledOf(model: Model, { lines, bill, currency }: Order): bigint {
  const worth = (line: OrderLine, count: bigint) =>
    worthOf(goodsAt(model, line.goods).prices[currency], line, count);
  const pieces = sumOf(
    lines,
    (line) => worth(line, line.quantity) - worth(line, line.quantity - line.cancelled),
  );
  return pieces + (lines.every(({ quantity, cancelled }) => quantity === cancelled) ? shippingOf(bill) : 0n);
}

/** What is to pay for shipping, in cents. */
function shippingOf({ shipping, discounts }: Bill): bigint {
  return discounts.reduce((left, { amount, ofShipping }) => (ofShipping ? left - amount : left), shipping);
}

/**
 * What the first pieces of a line come to, in cents: of each discount their share, rounded down.
 *
 * @param price what one costs before discounts
 */
export function worthOf(price: bigint, { quantity, discounts }: OrderLine, count: bigint): bigint {
  return discounts.reduce((left, discount) => left - (discount * count) / quantity, price * count);
}

/** Some pieces of a line. */
export interface Pieces {
  readonly line: OrderLine;
  readonly count: bigint;
}

/** Does in the model what cancelling an order should do. */
export function cancelOrder(model: Model, shopper: Shopper, order: Order, reason: string): void {
  if (order.isCancelled) return;
  cancelPieces(model, shopper, order, everythingOpen(order), reason);
}

/** Does in the model what cancelling some of an order should do. */
export function cancelPieces(
  model: Model,
  shopper: Shopper,
  order: Order,
  pieces: readonly Pieces[],
  reason: string,
): void {
  for (const { line, count } of pieces) {
    line.cancelled += count;
    moveStock(model, [{ ...line, quantity: count }], "back");
  }
  if (sumOf(order.lines, openPieces) > 0n) return;
  if (order.payment !== undefined) order.payment.open = 0n;
  if (order.lines.some(({ shipped }) => shipped > 0n)) return;
  order.isCancelled = true;
  order.cancelReason = reason;
  shopper.told.push({ topic: "order-cancelled", order });
}

/** Does in the model what sending some of an order should do: it is paid when it is sent, shipping with the first. */
export function shipPieces(model: Model, order: Order, pieces: readonly Pieces[], shipmentId: string): void {
  const { payment } = order;
  const isFirst = order.shipments.length === 0;
  order.shipments.push({ id: shipmentId, isDelivered: false });
  let due = isFirst ? shippingOf(order.bill) : 0n;
  for (const { line, count } of pieces) {
    const goods = goodsAt(model, line.goods);
    const price = goods.prices[order.currency];
    due += worthOf(price, line, line.shipped + count) - worthOf(price, line, line.shipped);
    line.shipped += count;
    goods.reserved -= count;
  }
  if (payment === undefined) return;
  payment.open -= due;
  payment.captured += due;
  if (sumOf(order.lines, openPieces) === 0n) payment.open = 0n;
}

/** Gives money of an order back, in the model. */
export function giveBack(order: Order, amount: bigint): void {
  order.refunded += amount;
  if (order.payment !== undefined) order.payment.refunded += amount;
}

/** All pieces that are neither sent nor cancelled. */
export function everythingOpen({ lines }: Order): Pieces[] {
  return lines.map((line) => ({ line, count: openPieces(line) })).filter(({ count }) => count > 0n);
}

/** A sum over lines. */
export function sumOf(lines: readonly OrderLine[], of: (line: OrderLine) => bigint): bigint {
  return lines.reduce((sum, line) => sum + of(line), 0n);
}
