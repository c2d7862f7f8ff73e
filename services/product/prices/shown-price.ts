import type { ConditionalPrice, OwnPrice } from "./conditional-price.ts";

/** What shoppers see as the price of one piece, in minor units. */
export interface ShownPrice {
  readonly minor: bigint;
  /** The price to compare with, where it is reduced. */
  readonly compareAt: bigint | undefined;
}

/**
 * What shoppers see as the price of a variant: the lowest that holds for everyone who buys one piece. Where that is
 * a sale, or holds for a time, the ordinary price stands beside it, unless a file gave another one to compare the
 * latter with.
 *
 * @param own the ordinary price
 * @param prices the others; those in other currencies do not count
 * @param now the moment
 */
export function shownPrice(own: OwnPrice, prices: readonly ConditionalPrice[], now: Date): ShownPrice {
  const lower = prices.filter(
    (price) =>
      price.currency === own.currency && isForAll(price) && holds(price, now) && price.minor < own.minor,
  );
  const [lowest] = lower.toSorted(
    (one, other) => Number(one.minor - other.minor) || Number(other.sale) - Number(one.sale),
  );
  if (lowest === undefined) return { minor: own.minor, compareAt: own.compareAt };
  return { minor: lowest.minor, compareAt: lowest.sale ? own.minor : (own.compareAt ?? own.minor) };
}

/**
 * When what shoppers see as a price may change next because a price begins or ends.
 *
 * @returns undefined when it will not
 */
export function nextTurn(prices: readonly ConditionalPrice[], now: Date): Date | undefined {
  const turns = prices
    .filter(isForAll)
    .flatMap(({ start, end }) => [start, end])
    .filter((time) => time !== undefined && time > now) as Date[];
  return turns.length === 0 ? undefined : new Date(Math.min(...turns.map(Number)));
}

function isForAll({ customerGroup, minQuantity }: ConditionalPrice): boolean {
  return customerGroup === "" && minQuantity <= 1n;
}

function holds({ start, end }: ConditionalPrice, now: Date): boolean {
  return (start === undefined || start <= now) && (end === undefined || now < end);
}
