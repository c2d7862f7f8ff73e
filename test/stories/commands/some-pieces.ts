import fc from "fast-check";
import { type Model, type Order, type OrderLine, oneOf, type Pieces, type Shopper } from "../model.ts";
import { WHICH } from "./choices.ts";

/** Which order, and how many pieces of which of its lines; 0 for all that can be had. */
export const SOME_PIECES = {
  order: WHICH,
  line: WHICH,
  count: fc.oneof({ weight: 2, arbitrary: fc.constant(0n) }, { weight: 3, arbitrary: fc.bigInt(1n, 3n) }),
};

/** What SOME_PIECES draws. */
export interface SomePieces {
  readonly order: number;
  readonly line: number;
  readonly count: bigint;
}

/** Whether there is an order. */
export function hasOrder(model: Readonly<Model>): boolean {
  return ordersOf(model).length > 0;
}

/**
 * The order that is meant, and whose it is.
 *
 * @param isFit for which orders it mostly is, where there are such
 */
export function orderAt(
  model: Readonly<Model>,
  { order }: { readonly order: number },
  isFit: (order: Order) => boolean = () => true,
) {
  const all = ordersOf(model);
  const fit = all.filter((it) => isFit(it.order));
  return oneOf(fit.length > 0 && order % 4 > 0 ? fit : all, order);
}

/** Those of which the id is known: all but those that were refused. */
function ordersOf({ shoppers }: Readonly<Model>): { readonly owner: Shopper; readonly order: Order }[] {
  return shoppers.flatMap((owner) =>
    owner.orders.filter(({ id }) => id !== "").map((order) => ({ owner, order })),
  );
}

/**
 * The pieces that are meant: a number of one line, or all that lines have left.
 *
 * @param left how many a line has left
 */
export function piecesAt(order: Order, { line, count }: SomePieces, left: (line: OrderLine) => bigint) {
  const isAll = count === 0n;
  const one = order.lines[line % order.lines.length] as OrderLine;
  const pieces: Pieces[] = isAll
    ? order.lines.map((each) => ({ line: each, count: left(each) })).filter((each) => each.count > 0n)
    : [{ line: one, count }];
  return {
    pieces,
    items: isAll ? [] : [{ lineId: one.id, quantity: count }],
    isTooMany: !isAll && count > left(one),
  };
}
