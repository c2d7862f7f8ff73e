/** The largest amount that fits `souk.mesh.v1.Money.minor`, an int64. */
const LARGEST_MINOR = 2n ** 63n - 1n;

const PLAIN_AMOUNT = /^([0-9]+)(?:\.([0-9]+))?$/;

/**
 * Reads an amount of money as Shopify writes it: digits, then optionally a point and decimals ("49", "49.0",
 * "49.00").
 *
 * A thousands separator or a decimal comma is refused, never guessed at: "1,049" is one thousand and forty-
 * nine in one country and a little over one in the next. So are signs, currency symbols, exponents, and more
 * decimals than the currency has, even if they are zeros. The amount never passes through a floating-point
 * number.
 *
 * @param text the amount, without blanks around it
 * @param minorDigits the decimals of the currency by ISO 4217: 2 for EUR, 0 for JPY, 3 for KWD
 * @returns the amount in minor units, or the reason why the text is none
 */
export function parsePrice(text: string, minorDigits: number): { minor: bigint } | { reason: string } {
  const match = PLAIN_AMOUNT.exec(text);
  if (match === null) return { reason: refusal(text) };
  const [, whole = "", decimals = ""] = match;
  if (decimals.length > minorDigits) {
    return {
      reason:
        minorDigits === 0
          ? `${text} has decimals, but the shop's currency has none.`
          : `${text} has ${decimals.length} decimals, but the shop's currency has ${minorDigits}.`,
    };
  }
  const minor = BigInt(whole + decimals.padEnd(minorDigits, "0"));
  return minor > LARGEST_MINOR ? { reason: `${text} is too large an amount.` } : { minor };
}

function refusal(text: string): string {
  if (/^[-−]/.test(text)) return `${text} is negative; a price is 0 or more.`;
  if (text.includes(",")) {
    return `${text} contains a comma; write amounts such as 1049.00, with a point before the decimals and nothing between the thousands.`;
  }
  return `${text} is not an amount; write it with digits and a point, such as 49.00.`;
}
