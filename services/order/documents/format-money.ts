/**
 * An amount for people, for example "EUR 12.90", with as many decimals as its currency has.
 *
 * @param minor in minor units, 0 or more
 * @param currency an ISO 4217 code
 */
export function formatMoney(minor: bigint, currency: string): string {
  const { maximumFractionDigits: decimals = 2 } = new Intl.NumberFormat("en", {
    style: "currency",
    currency,
  }).resolvedOptions();
  const digits = String(minor).padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals);
  return `${currency} ${whole}${decimals === 0 ? "" : `.${digits.slice(-decimals)}`}`;
}
