import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import { decimalsOf } from "#kit/currency.ts";

const formatters = new Map<string, Intl.NumberFormat>();

/**
 * An amount as people read it, in English: "€1,234.50", "¥4,900". Intl's own decimals are those in daily use,
 * which differ: it shows forints without fillér, though amounts of them are stored in fillér.
 *
 * @param amount in minor units of an ISO 4217 currency
 */
export function formatMoney({ minor, currency }: Money): string {
  const minorDigits = decimalsOf(currency) ?? 2;
  let formatter = formatters.get(currency);
  if (formatter === undefined) {
    const fraction = { minimumFractionDigits: minorDigits, maximumFractionDigits: minorDigits };
    formatter = new Intl.NumberFormat("en", { style: "currency", currency, ...fraction });
    formatters.set(currency, formatter);
  }
  // A decimal number in writing is formatted exactly, where a float would round.
  return formatter.format(decimal(minor, minorDigits) as `${number}`);
}

function decimal(minor: bigint, minorDigits: number): string {
  const sign = minor < 0n ? "-" : "";
  const figures = String(minor < 0n ? -minor : minor).padStart(minorDigits + 1, "0");
  const point = figures.length - minorDigits;
  return minorDigits === 0 ? sign + figures : `${sign}${figures.slice(0, point)}.${figures.slice(point)}`;
}
