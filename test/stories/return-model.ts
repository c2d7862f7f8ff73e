import { divide } from "./discounts.ts";
import { goodsAt, type Model, type Order, type Pieces, type Return, type Shopper, tell } from "./model.ts";
import { giveBack, openPieces, sumOf, worthOf } from "./order-model.ts";
import { leftToRefund, setFree } from "./order-money.ts";
import { move } from "./warehouse.ts";

/** What pieces cost, less what was given back for their line over and above the pieces before; in cents. */
export function costOf(model: Model, { currency }: Order, { line, count }: Pieces): bigint {
  const price = goodsAt(model, line.goods).prices[currency];
  const cost = worthOf(price, line, line.refunded + count) - line.refundedAmount;
  return cost > 0n ? cost : 0n;
}

/** What goes back for pieces: never more than is left of what was taken. */
export function refundOf(model: Model, order: Order, pieces: readonly Pieces[]) {
  const costs = pieces.map((each) => costOf(model, order, each));
  const cost = costs.reduce((sum, it) => sum + it, 0n);
  const left = leftToRefund(order);
  const amount = cost < left ? cost : left;
  return { amount, costs: divide(amount, costs) };
}

/** Begins a return in the model: its pieces are on their way. */
export function beginReturn(model: Model, begun: Omit<Return, "isOpen">): Return {
  for (const { line, count } of begun.pieces) line.awaited += count;
  const returned = { ...begun, isOpen: true };
  model.returns.push(returned);
  return returned;
}

/** Whether a return can be rejected: nothing is still to be sent for its pieces. */
export function isRejectable(returned: Return): boolean {
  if (returned.exchange === undefined) return true;
  const replacement = replacementOf(returned);
  return replacement !== undefined && sumOf(replacement.lines, openPieces) === 0n;
}

/** The order that replaces the pieces of a return. */
function replacementOf(returned: Return): Order | undefined {
  return returned.owner.orders.find(({ waitsFor }) => waitsFor === returned);
}

/** Does in the model what rejecting a return should do. */
export function reject(returned: Return): void {
  const { owner, order, pieces } = returned;
  giveUpPieces(returned);
  returned.isOpen = false;
  for (const { line, count } of pieces) line.awaited -= count;
  tell(owner, { topic: "return-rejected", order });
}

/** What replaces pieces that never come stays paid with what was taken for it of their worth; their order has the rest. */
function giveUpPieces(returned: Return): void {
  const { order, pieces, exchange } = returned;
  const replacement = replacementOf(returned);
  if (exchange === undefined || replacement === undefined) return;
  returned.exchange = undefined;
  let taken = 0n;
  for (const { from, amount } of exchange.shares) {
    const paid = replacement.payments.find((it) => it.exchanged && it.payment === from.payment);
    const captured = paid?.captured ?? 0n;
    if (paid !== undefined) paid.amount = captured;
    from.refunded -= amount - captured;
    taken += captured;
  }
  replacement.payments = replacement.payments.filter(({ amount }) => amount > 0n);
  order.refunding -= exchange.amount;
  order.refunded += taken;
  const costs = divide(taken, exchange.costs);
  for (const [index, { line }] of pieces.entries()) {
    line.refundedAmount -= (exchange.costs[index] ?? 0n) - (costs[index] ?? 0n);
  }
}

/**
 * Does in the model what receiving a return should do.
 *
 * @param isForSale whether its pieces can be sold again
 */
export function receive(model: Model, returned: Return, isForSale: boolean): void {
  const { owner, order, pieces, exchange } = returned;
  returned.isOpen = false;
  tell(owner, { topic: "return-received", order });
  for (const { line, count } of pieces) {
    line.awaited -= count;
    line.returned += count;
    // It comes back to the place that is taken from first.
    if (isForSale) move(goodsAt(model, line.goods), 0, count);
  }
  if (exchange === undefined) {
    giveBackFor(model, owner, order, pieces);
    return;
  }
  returned.exchange = undefined;
  order.refunding -= exchange.amount;
  order.refunded += exchange.amount;
  // What they pay for is all sent or cancelled, and came to less.
  const replacement = replacementOf(returned);
  if (replacement !== undefined && sumOf(replacement.lines, openPieces) === 0n) setFree(replacement);
}

/** Money goes back for pieces for which it has not yet. */
function giveBackFor(model: Model, owner: Shopper, order: Order, pieces: readonly Pieces[]): void {
  const unpaid = pieces
    .map(({ line, count }) => {
      const left = line.shipped - line.refunded;
      return { line, count: count < left ? count : left };
    })
    .filter(({ count }) => count > 0n);
  if (leftToRefund(order) === 0n) return;
  const { amount, costs } = refundOf(model, order, unpaid);
  const given = giveBack(owner, order, { amount });
  // Where the provider refuses it, staff gives it another way.
  if (amount > 0n && given === 0n) return;
  const shares = divide(given, costs);
  for (const [index, { line, count }] of unpaid.entries()) {
    line.refunded += count;
    line.refundedAmount += shares[index] ?? 0n;
  }
}
