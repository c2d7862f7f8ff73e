/** What stories pay with. */
export type Currency = "EUR" | "USD";

/** Some of something with a price. */
export interface Priced {
  /** What one costs, in cents. */
  readonly price: bigint;
  readonly quantity: bigint;
}

/** What an order comes to, in cents. */
export interface Bill {
  readonly subtotal: bigint;
  readonly shipping: bigint;
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
 * @param method how it is shipped; not yet known when left out
 */
export function reckon(lines: readonly Priced[], currency: Currency, method?: string): Bill {
  let subtotal = 0n;
  for (const { price, quantity } of lines) subtotal += price * quantity;
  const shipping = method === undefined ? 0n : (SHIPPING[method]?.[currency](subtotal) ?? 0n);
  const total = subtotal + shipping;
  // Nothing lies halfway between two cents here: 38 times a total is even, and 119 times an odd number is odd.
  let taxIncluded = (total * 19n) / 119n;
  if (((total * 19n) % 119n) * 2n > 119n) taxIncluded += 1n;
  return { subtotal, shipping, taxIncluded, total };
}
