import fc from "fast-check";
import type { Model, Order, OrderLine, Shopper } from "../model.ts";
import { shopperAt } from "../model.ts";
import type { Pieces } from "../order-model.ts";
import { SHOPPERS, WHICH } from "./choices.ts";

/** Which order, and how many pieces of which of its lines; 0 for all that can be had. */
export const SOME_PIECES = {
  of: SHOPPERS,
  order: WHICH,
  line: WHICH,
  count: fc.oneof({ weight: 2, arbitrary: fc.constant(0n) }, { weight: 3, arbitrary: fc.bigInt(1n, 3n) }),
};

/** What SOME_PIECES draws. */
export interface SomePieces {
  readonly of: number;
  readonly order: number;
  readonly line: number;
  readonly count: bigint;
}

/** Whether there is such an order. */
export function hasOrder(model: Readonly<Model>, { of }: { readonly of: number }): boolean {
  return ordersOf(shopperAt(model, of)).length > 0;
}

/** The order that is meant, and whose it is. */
export function orderAt(model: Model, { of, order }: { readonly of: number; readonly order: number }) {
  const owner = shopperAt(model, of);
  const orders = ordersOf(owner);
  return { owner, order: orders[order % orders.length] as Order };
}

/** Those of which the id is known. */
function ordersOf({ orders }: Shopper): Order[] {
  return orders.filter(({ id }) => id !== "");
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
