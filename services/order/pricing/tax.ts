/** A whole in basis points, hundredths of a percent. */
const WHOLE = 10_000n;

/**
 * The value added tax that an amount contains: amount * rate / (1 + rate), rounded half up to a whole minor
 * unit. It is computed once on the total, never added up from lines, so that rounding costs half a cent at most.
 *
 * @param minor the amount with tax, in minor units, 0 or more
 * @param basisPoints the rate in hundredths of a percent, 0 or more: 1900 is 19 %
 */
export function taxContained(minor: bigint, basisPoints: bigint): bigint {
  const divisor = WHOLE + basisPoints;
  return (2n * minor * basisPoints + divisor) / (2n * divisor);
}
