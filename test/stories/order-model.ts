import { goodsAt, type Model, moveStock, type Order, type OrderLine, type Shopper } from "./model.ts";

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
  const pieces = sumOf(lines, ({ goods, cancelled }) => goodsAt(model, goods).prices[currency] * cancelled);
  return pieces + (lines.every(({ quantity, cancelled }) => quantity === cancelled) ? bill.shipping : 0n);
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
  let due = isFirst ? order.bill.shipping : 0n;
  for (const { line, count } of pieces) {
    const goods = goodsAt(model, line.goods);
    line.shipped += count;
    goods.reserved -= count;
    due += goods.prices[order.currency] * count;
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
