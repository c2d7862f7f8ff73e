/**
 * Writes an amount of money as parsePrice reads it.
 *
 * @param minor in minor units, not negative
 * @param minorDigits the decimals of the currency by ISO 4217: 2 for EUR, 0 for JPY, 3 for KWD
 */
export function writePrice(minor: bigint, minorDigits: number): string {
  if (minorDigits === 0) return `${minor}`;
  const digits = `${minor}`.padStart(minorDigits + 1, "0");
  return `${digits.slice(0, -minorDigits)}.${digits.slice(-minorDigits)}`;
}
