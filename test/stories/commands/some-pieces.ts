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

/** Whether something mostly is done with an order: one for which it is fit. */
type IsFit = (order: Order) => boolean;

/**
 * Whether there is an order that is meant.
 *
 * @param fits as for orderAt
 */
export function hasOrder(
  model: Readonly<Model>,
  wanted: { readonly order: number },
  ...fits: IsFit[]
): boolean {
  return choiceOf(model, wanted, fits).length > 0;
}

/**
 * The order that is meant, and whose it is.
 *
 * @param fits which orders mostly are meant: of those that are fit for the first, or else for the next, and so on. Now
 *   and then it is any order, and the refusal is what is of interest
 */
export function orderAt(model: Readonly<Model>, wanted: { readonly order: number }, ...fits: IsFit[]) {
  return oneOf(choiceOf(model, wanted, fits), wanted.order);
}

function choiceOf(model: Readonly<Model>, { order }: { readonly order: number }, fits: readonly IsFit[]) {
  const all = ordersOf(model);
  if (fits.length === 0 || order % ANY_ONE_IN === 0) return all;
  const wider = order % ANY_ONE_IN === 1 ? fits.slice(-1) : fits;
  return wider.map((isFit) => all.filter((it) => isFit(it.order))).find(({ length }) => length > 0) ?? [];
}

/** Of how many choices one is of any order. */
const ANY_ONE_IN = 6;

/** Those of which the id is known: all but those that were refused. */
function ordersOf({ shoppers }: Readonly<Model>): { readonly owner: Shopper; readonly order: Order }[] {
  return shoppers.flatMap((owner) =>
    owner.orders.filter(({ id }) => id !== "").map((order) => ({ owner, order })),
  );
}

/**
 * The pieces that are meant: a number of one line, mostly of one that has as many left, or all that lines have left.
 *
 * @param left how many a line has left
 */
export function piecesAt(order: Order, { line, count }: SomePieces, left: (line: OrderLine) => bigint) {
  const isAll = count === 0n;
  const some = order.lines.filter((each) => left(each) > 0n);
  const isAny = some.length === 0 || line % ANY_ONE_IN === 0;
  const one = oneOf(isAny ? order.lines : some, line);
  const most = isAny ? count : left(one);
  const number = count < most ? count : most;
  const pieces: Pieces[] = isAll
    ? order.lines.map((each) => ({ line: each, count: left(each) })).filter((each) => each.count > 0n)
    : [{ line: one, count: number }];
  return {
    pieces,
    items: isAll ? [] : [{ lineId: one.id, quantity: number }],
    isTooMany: !isAll && number > left(one),
  };
}
