import type { BuyXGetY } from "#gen/souk/order/v1/promotion_pb.ts";
import type { Offer } from "../order-to-price.ts";
import { divideHalfUp, shareOf } from "../rates.ts";
import { type Basket, type BasketLine, remaining, takeOff } from "./basket.ts";
import { piecesOf } from "./conditions.ts";

/**
 * Gives pieces for less with others: for each `buyQuantity` pieces bought up to `getQuantity` others, the
 * cheapest first. A piece is either bought or given. It is applied as many times as gives the most.
 */
export function applyBuyXGetY(
  terms: BuyXGetY,
  offer: Offer,
  bought: readonly BasketLine[],
  basket: Basket,
): void {
  const givable = givableIn(terms, bought, basket);
  const given = mostGiven(count(terms, bought, givable));
  takeOffCheapest(offer, givable, given, BigInt(terms.ratePpm));
}

/** How many pieces more it takes, at least, until one is given for less; 0 where one is. */
export function piecesUntilGiven(terms: BuyXGetY, bought: readonly BasketLine[], basket: Basket): bigint {
  const counts = count(terms, bought, givableIn(terms, bought, basket));
  if (mostGiven(counts) > 0n) return 0n;
  const toBuy = counts.buy - counts.onlyBought - counts.both;
  if (toBuy <= 0n) return 1n;
  return counts.onlyGivable > 0n ? toBuy : toBuy + 1n;
}

function givableIn({ getProductIds }: BuyXGetY, bought: readonly BasketLine[], { lines }: Basket) {
  if (getProductIds.length === 0) return bought;
  return lines.filter(({ line }) => getProductIds.includes(line.productId));
}

function count(
  { buyQuantity, getQuantity, maxTimes }: BuyXGetY,
  bought: readonly BasketLine[],
  givable: readonly BasketLine[],
): Counts {
  const both = piecesOf(givable.filter((line) => bought.includes(line)));
  return {
    buy: buyQuantity,
    get: getQuantity,
    onlyBought: piecesOf(bought) - both,
    both,
    onlyGivable: piecesOf(givable) - both,
    maxTimes: maxTimes === 0n ? piecesOf(bought) : maxTimes,
  };
}

interface Counts {
  readonly buy: bigint;
  readonly get: bigint;
  /** Pieces that count as bought and cannot be given. */
  readonly onlyBought: bigint;
  /** Pieces that may be either. */
  readonly both: bigint;
  /** Pieces that can only be given. */
  readonly onlyGivable: bigint;
  readonly maxTimes: bigint;
}

/**
 * How many pieces can be given. Applied n times, n * buy pieces must be bought, of those that can be given only
 * when the others do not suffice; what is left can be given, n * get of it at most. The first rises with n, the
 * second falls, so the best n is where they meet, or the one after.
 */
function mostGiven({ buy, get, onlyBought, both, onlyGivable, maxTimes }: Counts): bigint {
  const possible = (onlyBought + both) / buy;
  const times = possible < maxTimes ? possible : maxTimes;
  const givenAt = (n: bigint) => {
    const spent = n * buy > onlyBought ? n * buy - onlyBought : 0n;
    const left = onlyGivable + both - spent;
    return n * get < left ? n * get : left;
  };
  let low = 0n;
  let high = times;
  while (low < high) {
    const middle = (low + high) / 2n;
    if (givenAt(middle) < givenAt(middle + 1n)) low = middle + 1n;
    else high = middle;
  }
  return givenAt(low);
}

/** Takes a share off a number of pieces of some lines, the cheapest first. */
function takeOffCheapest(offer: Offer, lines: readonly BasketLine[], pieces: bigint, ratePpm: bigint): void {
  const cheapestFirst = lines.toSorted((a, b) => Number(a.line.unitPrice - b.line.unitPrice));
  let left = pieces;
  for (const line of cheapestFirst) {
    const { quantity } = line.line;
    const given = quantity < left ? quantity : left;
    if (given === 0n) continue;
    takeOff(offer, line, shareOf(divideHalfUp(remaining(line) * given, quantity), ratePpm));
    left -= given;
  }
}
