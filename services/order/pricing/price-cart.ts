import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import { money, sum, times } from "#kit/money.ts";
import { type ShippingMethod, shippingCost } from "./shipping.ts";
import { taxContained } from "./tax.ts";

/** A number of one variant. */
export interface Countable {
  readonly variantId: string;
  readonly quantity: bigint;
}

/** All that the price of a cart follows from. */
export interface PricingInput<L extends Countable> {
  /** The currency of the cart, an ISO 4217 code. */
  readonly currency: string;
  readonly lines: readonly L[];
  /** What one of each variant costs; those that are not on sale are left out. */
  readonly prices: ReadonlyMap<string, Money>;
  /** Without it, shipping counts nothing. */
  readonly shipping?: ShippingMethod;
  /** The rate of the tax that prices contain, in hundredths of a percent. */
  readonly taxBasisPoints: bigint;
}

/** What a cart costs, to the minor unit. */
export interface Breakdown<L extends Countable> {
  /** In the order of the lines given. */
  readonly lines: readonly PricedLine<L>[];
  readonly subtotal: Money;
  readonly shipping: Money;
  /** Contained in the total. */
  readonly taxIncluded: Money;
  readonly total: Money;
}

/** What a line costs. */
export interface PricedLine<L extends Countable> {
  readonly line: L;
  /** What one costs; undefined when the variant cannot be bought in the cart's currency. */
  readonly unitPrice: Money | undefined;
  /** 0 when the variant cannot be bought. */
  readonly total: Money;
}

/**
 * Says what a cart costs. Cart, quote and order are all priced here, so that they agree.
 *
 * @param input the cart, the prices, the way of shipping and the tax
 * @throws RangeError when an amount does not fit 64 bits
 * @throws TypeError when shipping is charged in another currency than the cart's
 */
export function priceCart<L extends Countable>(input: PricingInput<L>): Breakdown<L> {
  const { currency, prices, taxBasisPoints } = input;
  const lines = input.lines.map((line) => {
    const price = prices.get(line.variantId);
    if (price?.currency !== currency) return { line, unitPrice: undefined, total: money(0n, currency) };
    return { line, unitPrice: price, total: times(price, line.quantity) };
  });
  const subtotal = sum(
    lines.map(({ total }) => total),
    currency,
  );
  const shipping = input.shipping ? shippingCost(input.shipping, subtotal) : money(0n, currency);
  const total = sum([subtotal, shipping], currency);
  const taxIncluded = money(taxContained(total.minor, taxBasisPoints), currency);
  return { lines, subtotal, shipping, taxIncluded, total };
}
