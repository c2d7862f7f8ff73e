/** A whole in millionths, the unit of every rate. */
export const WHOLE_PPM = 1_000_000n;

/**
 * A share of an amount, rounded half up to a whole minor unit.
 *
 * @param minor the amount in minor units, 0 or more
 * @param ratePpm the share in millionths: 190000 is 19 %
 */
export function shareOf(minor: bigint, ratePpm: bigint): bigint {
  return divideHalfUp(minor * ratePpm, WHOLE_PPM);
}

/**
 * What of an amount that contains several rates is due to one of them: amount * rate / (1 + all rates),
 * rounded half up to a whole minor unit.
 *
 * @param minor the amount with all of them, in minor units, 0 or more
 * @param ratePpm the one rate in millionths
 * @param allPpm the sum of all rates contained, in millionths
 */
export function shareContained(minor: bigint, ratePpm: bigint, allPpm: bigint): bigint {
  return divideHalfUp(minor * ratePpm, WHOLE_PPM + allPpm);
}

/**
 * A quotient, rounded half up.
 *
 * @param dividend 0 or more
 * @param divisor more than 0
 */
export function divideHalfUp(dividend: bigint, divisor: bigint): bigint {
  return (2n * dividend + divisor) / (2n * divisor);
}

/**
 * The sum of some amounts.
 *
 * @param amounts in minor units of one currency
 */
export function add(amounts: Iterable<bigint>): bigint {
  let total = 0n;
  for (const amount of amounts) total += amount;
  return total;
}
