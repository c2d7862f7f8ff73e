import type { Scope } from "#kit/scope.ts";
import { readCart, type StoredLine } from "./cart-rows.ts";
import { cartEmpty, requireAvailable, shippingIn } from "./checkout-rules.ts";
import { type Breakdown, priceCart } from "./pricing/price-cart.ts";
import type { ShippingMethod } from "./pricing/shipping.ts";
import { pricesOf } from "./sale-variants.ts";
import type { Shop } from "./shop.ts";

/** What a cart costs with one way of shipping it. */
export interface Quote {
  readonly method: ShippingMethod;
  readonly breakdown: Breakdown<StoredLine>;
}

/**
 * Says what a customer's cart would cost with each way of shipping it, the cheapest first.
 *
 * @param shop what carts are handled with
 * @param scope the call
 * @param customerId whose cart
 * @throws SoukError CART_EMPTY or LINE_UNAVAILABLE
 */
export async function getQuotes(shop: Shop, scope: Scope, customerId: string): Promise<Quote[]> {
  const found = await readCart(shop.db.sql, customerId);
  if (found === undefined || found.lines.length === 0) {
    throw cartEmpty("the cart is empty; add something first");
  }
  const { cart, lines } = found;
  const { currency } = cart;
  const { taxBasisPoints } = shop;
  const ids = lines.map(({ variantId }) => variantId);
  const prices = pricesOf(await shop.readSaleVariants(scope, ids));
  const quotes = shippingIn(shop, currency).map((method) => ({
    method,
    breakdown: priceCart({ currency, lines, prices, shipping: method, taxBasisPoints }),
  }));
  for (const { breakdown } of quotes) requireAvailable(breakdown);
  return quotes.sort((a, b) => Number(a.breakdown.total.minor - b.breakdown.total.minor));
}
