/** What stories pay with. */
export type Currency = "EUR" | "USD";

/** Some of something with a price. */
export interface Priced {
  /** What one costs, in cents. */
  readonly price: bigint;
  readonly quantity: bigint;
}

/** What a coupon brings, by currency. */
export interface Terms {
  readonly code: string;
  readonly priority: number;
  /** Whether it applies alone. */
  readonly exclusive: boolean;
  /** What the lines must cost at least; in the other currency it then does not apply. */
  readonly minimum: { readonly minor: bigint; readonly currency: Currency } | undefined;
  readonly effect: "free shipping" | { readonly ppm: bigint } | Readonly<Record<Currency, bigint>>;
}

/** What a promotion takes off, in cents. */
export interface Discount {
  readonly code: string;
  readonly amount: bigint;
  readonly ofShipping: boolean;
}

/** What an order comes to, in cents. */
export interface Bill {
  readonly subtotal: bigint;
  readonly shipping: bigint;
  /** What each promotion takes off that applies, in the order in which they do. */
  readonly discounts: readonly Discount[];
  readonly taxIncluded: bigint;
  readonly total: bigint;
}

/** What shipping within the shop's country costs, by method. */
const SHIPPING: Readonly<Record<string, Readonly<Record<Currency, (subtotal: bigint) => bigint>>>> = {
  standard: {
    EUR: (subtotal) => (subtotal < 50_00n ? 4_90n : 0n),
    USD: (subtotal) => (subtotal < 60_00n ? 5_90n : 0n),
  },
  express: { EUR: () => 12_90n, USD: () => 14_90n },
  "pick-up": { EUR: () => 0n, USD: () => 0n },
};

/** The ways of shipping that there are. */
export const SHIPPING_METHODS = Object.keys(SHIPPING);

/**
 * Reckons what an order comes to. It is written without a look at how the services do it, for a shop in Germany:
 * prices contain 19 %, which is rounded once, on the total.
 *
 * @param lines what is ordered
 * @param currency of the prices
 * @param terms of the promotions that may apply, the oldest first
 * @param method how it is shipped; not yet known when left out
 */
export function reckon(
  lines: readonly Priced[],
  currency: Currency,
  terms: readonly Terms[],
  method?: string,
): Bill {
  let subtotal = 0n;
  for (const { price, quantity } of lines) subtotal += price * quantity;
  const shipping = method === undefined ? 0n : (SHIPPING[method]?.[currency](subtotal) ?? 0n);
  const discounts = discountsOf(terms, { currency, subtotal, shipping });
  const total = discounts.reduce((left, { amount }) => left - amount, subtotal + shipping);
  // Nothing lies halfway between two cents here: 38 times a total is even, and 119 times an odd number is odd.
  let taxIncluded = (total * 19n) / 119n;
  if (((total * 19n) % 119n) * 2n > 119n) taxIncluded += 1n;
  return { subtotal, shipping, discounts, taxIncluded, total };
}

function discountsOf(
  terms: readonly Terms[],
  { currency, subtotal, shipping }: { currency: Currency; subtotal: bigint; shipping: bigint },
): Discount[] {
  const discounts: Discount[] = [];
  let [left, shippingLeft] = [subtotal, shipping];
  for (const { code, exclusive, minimum, effect } of terms.toSorted((a, b) => b.priority - a.priority)) {
    if (exclusive && discounts.length > 0) continue;
    if (minimum !== undefined && (minimum.currency !== currency || minimum.minor > subtotal)) continue;
    const ofShipping = effect === "free shipping";
    let amount: bigint;
    if (effect === "free shipping") amount = shippingLeft;
    // Half a cent is rounded up.
    else if ("ppm" in effect) amount = (left * effect.ppm + 500_000n) / 1_000_000n;
    else amount = effect[currency] < left ? effect[currency] : left;
    if (amount === 0n) continue;
    if (ofShipping) shippingLeft -= amount;
    else left -= amount;
    discounts.push({ code, amount, ofShipping });
    if (exclusive) break;
  }
  return discounts;
}
