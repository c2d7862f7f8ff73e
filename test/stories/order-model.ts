import {
  goodsAt,
  type Model,
  type Order,
  type OrderLine,
  type Pieces,
  portionsOf,
  type Return,
  type Shopper,
  tell,
} from "./model.ts";
import { type GivingBack, giveBackOf, isReplacing, setFree, take } from "./order-money.ts";
import type { Bill } from "./reckon.ts";
import { canLeave, leave, type Portions, reduce } from "./warehouse.ts";

/** A line of an order of which nothing became yet. */
export const UNTOUCHED = {
  id: "",
  shipped: 0n,
  cancelled: 0n,
  awaited: 0n,
  returned: 0n,
  refunded: 0n,
  refundedAmount: 0n,
};
/** The state of an order, as the contract names it. */
export function stateOf({ isCancelled, isAwaited, lines, shipments }: Order) {
  if (isCancelled) return "CANCELLED";
  if (isAwaited) return "AWAITING_PAYMENT";
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
export function shippingOf({ shipping, discounts, lines }: Bill): bigint {
  const off = (all: Bill["discounts"]) => all.reduce((sum, { amount }) => sum + amount, 0n);
  return shipping - off(discounts) + off(lines.flat());
}

/**
 * What the first pieces of a line come to, in cents: less their share of all discounts together, rounded down.
 *
 * @param price what one costs before discounts
 */
export function worthOf(price: bigint, line: OrderLine, count: bigint): bigint {
  return sharesOf(line.discounts, line, count).reduce((left, share) => left - share, price * count);
}

/** What the first pieces of a line have of each of its discounts, in cents: rounded down with those before it. */
export function sharesOf(
  discounts: readonly bigint[],
  { quantity, discounted = quantity }: OrderLine,
  count: bigint,
): bigint[] {
  const first = count < discounted ? count : discounted;
  let all = 0n;
  return discounts.map((discount) => {
    const before = (all * first) / discounted;
    all += discount;
    return (all * first) / discounted - before;
  });
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
  for (const { line, count } of pieces) line.cancelled += count;
  reduce(order.reservation, portionsOfPieces(model, pieces));
  const isOver = sumOf(order.lines, openPieces) === 0n;
  const isSent = order.lines.some(({ shipped }) => shipped > 0n);
  if (isOver) setFree(order);
  if (!isOver || isSent) {
    tell(shopper, { topic: "order-edited", order });
    return;
  }
  order.isCancelled = true;
  order.cancelReason = reason;
  if (order.waitsFor !== undefined && isReplacing(order)) {
    order.payments = order.payments.filter(({ exchanged }) => !exchanged);
    takeBack(order.waitsFor);
  }
  tell(shopper, { topic: "order-cancelled", order });
}

/** Does in the model what takes an exchange back should do: its pieces come back as any others, if they are not. */
export function takeBack(returned: Return): void {
  const { order, pieces, exchange } = returned;
  if (exchange === undefined) return;
  returned.exchange = undefined;
  order.refunding -= exchange.amount;
  for (const { from, amount } of exchange.shares) from.refunded -= amount;
  for (const [index, { line, count }] of pieces.entries()) {
    line.refunded -= count;
    line.refundedAmount -= exchange.costs[index] ?? 0n;
  }
}

/** Whether pieces can be sent: they are there, and not waited for. */
export function areThere(model: Model, { reservation }: Order, pieces: readonly Pieces[]): boolean {
  return canLeave(reservation, portionsOfPieces(model, pieces));
}

/** Whether an order cannot be sent before goods that it replaces are back. */
export function isWaiting(order: Order): boolean {
  return isReplacing(order) && order.waitsFor?.sentFirst === false;
}

/** Does in the model what sending some of an order should do: it is paid when it is sent, shipping with the first. */
export function shipPieces(
  model: Model,
  shopper: Shopper,
  order: Order,
  pieces: readonly Pieces[],
  shipmentId: string,
): void {
  const isFirst = order.shipments.length === 0;
  order.shipments.push({ id: shipmentId, isDelivered: false });
  let due = isFirst ? shippingOf(order.bill) : 0n;
  for (const { line, count } of pieces) {
    const price = goodsAt(model, line.goods).prices[order.currency];
    due += worthOf(price, line, line.shipped + count) - worthOf(price, line, line.shipped);
    line.shipped += count;
  }
  leave(order.reservation, portionsOfPieces(model, pieces));
  const isAll = sumOf(order.lines, openPieces) === 0n;
  tell(shopper, { topic: isAll ? "order-shipped" : "order-partially-shipped", order });
  take(order, due);
  if (isAll) setFree(order);
}

/** Does in the model what a shipment's arrival should do. */
export function deliver(shopper: Shopper, order: Order, shipment: Order["shipments"][number]): void {
  if (shipment.isDelivered) return;
  shipment.isDelivered = true;
  const isAll = stateOf(order) === "DELIVERED";
  tell(shopper, { topic: isAll ? "order-delivered" : "order-partially-delivered", order });
}

/**
 * Gives money of an order back, in the model.
 *
 * @returns how much went; less than all where the provider refuses some
 */
export function giveBack(shopper: Shopper, order: Order, giving: GivingBack): bigint {
  const { all, taken } = giveBackOf(order, giving);
  if (all > 0n) tell(shopper, { topic: "order-refunded", order });
  order.refunded += taken;
  return all;
}

/** How many of each of the goods pieces are. */
export function portionsOfPieces(model: Model, pieces: readonly Pieces[]): Portions {
  return portionsOf(
    model,
    pieces.map(({ line, count }) => ({ ...line, quantity: count })),
  );
}

/** All pieces that are neither sent nor cancelled. */
export function everythingOpen({ lines }: Order): Pieces[] {
  return lines.map((line) => ({ line, count: openPieces(line) })).filter(({ count }) => count > 0n);
}

/** A sum over lines. */
export function sumOf(lines: readonly OrderLine[], of: (line: OrderLine) => bigint): bigint {
  return lines.reduce((sum, line) => sum + of(line), 0n);
}
