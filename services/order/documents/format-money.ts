import { decimalsOf } from "#kit/currency.ts";

/**
 * An amount for people, for example "EUR 12.90", with as many decimals as its currency has.
 *
 * @param minor in minor units
 * @param currency an ISO 4217 code
 */
export function formatMoney(minor: bigint, currency: string): string {
  const decimals = decimalsOf(currency) ?? 2;
  const sign = minor < 0n ? "-" : "";
  const digits = String(minor < 0n ? -minor : minor).padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals);
  return `${currency} ${sign}${whole}${decimals === 0 ? "" : `.${digits.slice(-decimals)}`}`;
}
