import { add } from "./rates.ts";
import type { ItemTotals, Tax } from "./totals.ts";

/** Some pieces of a line, counted from 0 in the order in which they are dealt with. */
export interface Pieces {
  /** How many were dealt with before. */
  readonly from: bigint;
  readonly count: bigint;
}

/**
 * What some pieces of a line come to, for a shipment, a refund or an invoice of a part of it. However a line is
 * cut up, its parts add up to the whole in each figure: a part is what the pieces up to its end come to, rounded
 * down, less what those before it did. And each part adds up in itself, for its total follows from its figures.
 * What is off some of the pieces is off the first ones. Discounts are rounded down together, so that no pieces come
 * to less than nothing where several take all off; of one of less than a cent a piece, a part may be a cent below 0.
 *
 * @param line what the line comes to
 * @param quantity how many pieces the line has, 1 or more
 * @param pieces which of them
 * @throws RangeError when the line has no such pieces
 */
export function partOfLine(line: ItemTotals, quantity: bigint, { from, count }: Pieces): ItemTotals {
  const to = from + count;
  if (from < 0n || count < 0n || to > quantity) {
    throw new RangeError(`a line of ${quantity} has no pieces ${from} to ${to}`);
  }
  const first = (pieces: bigint) => firstPieces(line, quantity, pieces);
  const [before, until, whole] = [first(from), first(to), first(quantity)];
  const subtotal = until.subtotal - before.subtotal;
  const discounts = line.discounts.map(({ pieces: _, ...discount }, index) => {
    return { ...discount, amount: (until.off[index] ?? 0n) - (before.off[index] ?? 0n) };
  });
  const share = (amount: bigint) =>
    whole.cost === 0n ? 0n : (amount * until.cost) / whole.cost - (amount * before.cost) / whole.cost;
  const taxes = line.taxes.map((tax) => ({ ...tax, amount: share(tax.amount) }));
  // What a company need not pay of prices that contain a tax which it owes itself.
  const relief = line.subtotal - amountOf(line.discounts) + onTop(line.taxes) - line.total;
  const total = subtotal - amountOf(discounts) + onTop(taxes) - share(relief);
  const base = total - amountOf(taxes);
  return { subtotal, discounts, taxes: taxes.map((tax) => ({ ...tax, base })), total };
}

/** What the first pieces of a line come to. */
interface FirstPieces {
  readonly subtotal: bigint;
  /** What each discount takes off them. */
  readonly off: readonly bigint[];
  /** Without taxes that come on top; taxes are divided by that. */
  readonly cost: bigint;
}

function firstPieces({ subtotal: all, discounts }: ItemTotals, quantity: bigint, count: bigint): FirstPieces {
  const subtotal = (all * count) / quantity;
  const parts = discounts.reduce((product, { pieces = quantity }) => product * pieces, 1n);
  let exact = 0n;
  // What it takes off with those before it, rounded down, less what these do.
  const off = discounts.map(({ amount, pieces = quantity }) => {
    const before = exact / parts;
    exact += (amount * (count < pieces ? count : pieces) * parts) / pieces;
    return exact / parts - before;
  });
  return { subtotal, off, cost: subtotal - add(off) };
}

function onTop(taxes: readonly Tax[]): bigint {
  return amountOf(taxes.filter(({ included }) => !included));
}

function amountOf(amounts: readonly { readonly amount: bigint }[]): bigint {
  return add(amounts.map(({ amount }) => amount));
}
