import { create } from "@bufbuild/protobuf";
import { type Money, MoneySchema } from "#gen/souk/mesh/v1/money_pb.ts";

const MAX_INT64 = 2n ** 63n - 1n;

/**
 * An amount of money.
 *
 * @param minor in minor units of the currency
 * @param currency an ISO 4217 code
 * @throws RangeError when the amount does not fit 64 bits
 */
export function money(minor: bigint, currency: string): Money {
  if (minor > MAX_INT64 || minor < -MAX_INT64)
    throw new RangeError(`${minor} ${currency} is more than 64 bits hold`);
  return create(MoneySchema, { minor, currency });
}

/**
 * The sum of amounts.
 *
 * @param amounts all in one currency
 * @param currency the currency of the sum, for there may be no amounts
 * @throws TypeError when an amount is in another currency
 * @throws RangeError when the sum does not fit 64 bits
 */
export function sum(amounts: Iterable<Money>, currency: string): Money {
  let minor = 0n;
  for (const amount of amounts) {
    requireCurrency(amount, currency);
    minor += amount.minor;
  }
  return money(minor, currency);
}

/**
 * An amount several times.
 *
 * @throws RangeError when the product does not fit 64 bits
 */
export function times(amount: Money, factor: bigint): Money {
  return money(amount.minor * factor, amount.currency);
}

/**
 * Divides an amount in proportion to weights so that the parts add up to it exactly: what rounding
 * leaves over goes to the parts with the largest remainders, the earlier one first (largest
 * remainder method).
 *
 * @param minor what to divide, in minor units; may be negative
 * @param weights one a part, none negative, not all zero
 * @throws RangeError when there is no weight to divide by
 */
export function allocate(minor: bigint, weights: readonly bigint[]): bigint[] {
  const total = weights.reduce((all, weight) => all + weight, 0n);
  if (total <= 0n || weights.some((weight) => weight < 0n)) throw new RangeError("weights must be positive");
  const sign = minor < 0n ? -1n : 1n;
  const amount = minor * sign;
  const parts = weights.map((weight) => (amount * weight) / total);
  const remainders = weights.map((weight, index) => ({ index, rest: (amount * weight) % total }));
  remainders.sort((a, b) => (a.rest === b.rest ? a.index - b.index : a.rest > b.rest ? -1 : 1));
  const left = amount - parts.reduce((all, part) => all + part, 0n);
  for (const { index } of remainders.slice(0, Number(left))) parts[index] = (parts[index] ?? 0n) + 1n;
  return parts.map((part) => part * sign);
}

function requireCurrency(amount: Money, currency: string): void {
  if (amount.currency !== currency) {
    throw new TypeError(`${amount.currency} cannot be added to ${currency}`);
  }
}
