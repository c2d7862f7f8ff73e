import { allocate } from "#kit/money.ts";
import { add, shareContained, shareOf } from "../rates.ts";
import type { Tax } from "../totals.ts";
import type { TaxRate } from "./tax-rules.ts";

/** Something that is taxed. */
export interface Taxable {
  /** What is to pay for it after promotions: with the taxes where prices contain them, else without. */
  readonly amount: bigint;
  readonly rates: readonly TaxRate[];
}

/** How taxes are reckoned. */
export interface TaxMode {
  readonly included: boolean;
  readonly rounding: "line" | "total";
  readonly reverseCharge: boolean;
}

/** An item with its taxes. */
export interface Taxed {
  readonly taxes: readonly Tax[];
  /** What is to pay for it; who owes the tax itself does not pay what prices contain of it. */
  readonly total: bigint;
}

/**
 * Reckons the taxes on some items. Rounded once on the total, what a rate brings is divided over its items by
 * largest remainder, so that the items still add up to it.
 *
 * @param items what is taxed
 * @param mode how
 */
export function taxItems(items: readonly Taxable[], { included, rounding, reverseCharge }: TaxMode): Taxed[] {
  const amounts =
    rounding === "line" ? items.map((item) => taxOf(item, included)) : taxOfAll(items, included);
  return items.map(({ amount, rates }, index) => {
    const own = amounts[index] as bigint[];
    const base = included ? amount - add(own) : amount;
    const taxes = rates.map((rate, at) => ({
      rate,
      base,
      amount: reverseCharge ? 0n : (own[at] as bigint),
      included: included && !reverseCharge,
      reverseCharge,
    }));
    return { taxes, total: base + add(taxes.map((tax) => tax.amount)) };
  });
}

/** What the rates of one item bring, each rounded by itself. */
function taxOf({ amount, rates }: Taxable, included: boolean): bigint[] {
  const all = add(rates.map(({ ppm }) => ppm));
  return rates.map(({ ppm }) => (included ? shareContained(amount, ppm, all) : shareOf(amount, ppm)));
}

/** What the rates of all items bring: rounded once for those that are taxed alike, and divided over them. */
function taxOfAll(items: readonly Taxable[], included: boolean): bigint[][] {
  const alike = Map.groupBy(items.keys(), (index) => fingerprint(items[index] as Taxable));
  const amounts: bigint[][] = items.map(() => []);
  for (const members of alike.values()) {
    const weights = members.map((index) => (items[index] as Taxable).amount);
    const [first] = members as [number];
    const { rates } = items[first] as Taxable;
    const whole = taxOf({ amount: add(weights), rates }, included);
    for (const amount of whole) {
      const parts = add(weights) === 0n ? weights : allocate(amount, weights);
      for (const [at, index] of members.entries()) amounts[index]?.push(parts[at] as bigint);
    }
  }
  return amounts;
}

function fingerprint({ rates }: Taxable): string {
  return rates.map(({ name, ppm }) => `${ppm} ${name}`).join("\n");
}

/**
 * Taxes of several items as one list, by rate.
 *
 * @param taxes the taxes of all items
 */
export function mergeTaxes(taxes: readonly Tax[]): Tax[] {
  const byRate = Map.groupBy(taxes, ({ rate }) => `${rate.ppm} ${rate.name}`);
  return [...byRate.values()].map((same) => ({
    ...(same[0] as Tax),
    base: add(same.map(({ base }) => base)),
    amount: add(same.map(({ amount }) => amount)),
  }));
}
