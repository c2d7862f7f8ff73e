import { type Buyer, type Discount, type Terms, takeOff } from "./discounts.ts";

/** What stories pay with. */
export type Currency = "EUR" | "USD";

/** Some of something with a price. */
export interface Priced {
  /** What one costs, in cents. */
  readonly price: bigint;
  readonly quantity: bigint;
  /** Which product it is of. */
  readonly product: number;
  /** What is taken off already, in cents; nothing when left out. */
  readonly off?: readonly Discount[];
}

/** What an order comes to, in cents. */
export interface Bill {
  readonly subtotal: bigint;
  readonly shipping: bigint;
  /** What each promotion takes off that applies, in the order in which they do. */
  readonly discounts: readonly Discount[];
  /** The same by line, without what is taken off shipping. */
  readonly lines: readonly (readonly Discount[])[];
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

/** What shipping goods of a price costs, in cents. */
export function shippingFor(method: string | undefined, currency: Currency, subtotal: bigint): bigint {
  return method === undefined ? 0n : (SHIPPING[method]?.[currency](subtotal) ?? 0n);
}

/** Who orders what. */
export interface Basket {
  readonly lines: readonly Priced[];
  readonly currency: Currency;
  readonly buyer: Buyer;
  /** How it is shipped; not yet known when left out. */
  readonly method?: string | undefined;
  /** What shipping costs where that does not follow from how it is shipped, in cents. */
  readonly shippingCost?: bigint;
}

/**
 * Reckons what an order comes to. It is written without a look at how the services do it, for a shop in Germany:
 * prices contain 19 %, which is rounded once, on the total.
 *
 * @param basket what is ordered
 * @param terms of the promotions that may apply, the oldest first
 */
export function reckon(
  { lines, currency, buyer, method, shippingCost }: Basket,
  terms: readonly Terms[],
): Bill {
  let subtotal = 0n;
  for (const { price, quantity } of lines) subtotal += price * quantity;
  const shipping = shippingCost ?? shippingFor(method, currency, subtotal);
  const off = takeOff(terms, { lines, currency, buyer, shipping: { method, cost: shipping } });
  const total = off.discounts.reduce((left, { amount }) => left - amount, subtotal + shipping);
  // Nothing lies halfway between two cents here: 38 times a total is even, and 119 times an odd number is odd.
  let taxIncluded = (total * 19n) / 119n;
  if (((total * 19n) % 119n) * 2n > 119n) taxIncluded += 1n;
  return { subtotal, shipping, ...off, taxIncluded, total };
}
