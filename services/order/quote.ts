import type { Scope } from "#kit/scope.ts";
import { readCart } from "./cart-rows.ts";
import { cartEmpty, requireAvailable, shippingTo } from "./checkout-rules.ts";
import { type PricedLines, priceLines } from "./price-lines.ts";
import type { Destination } from "./pricing/order-to-price.ts";
import type { ShippingOffer } from "./pricing/shipping/shipping-rules.ts";
import type { Shop } from "./shop.ts";

/** What a cart costs with one way of shipping it. */
export interface Quote {
  readonly shipping: ShippingOffer;
  readonly priced: PricedLines;
}

/**
 * Says what a customer's cart would cost with each way of shipping it, the cheapest first.
 *
 * @param shop what carts are handled with
 * @param scope the call
 * @param customerId whose cart
 * @param destination where it shall go
 * @throws SoukError CART_EMPTY or LINE_UNAVAILABLE
 */
export async function getQuotes(
  shop: Shop,
  scope: Scope,
  customerId: string,
  destination: Destination,
): Promise<Quote[]> {
  const found = await readCart(shop.db.sql, customerId);
  if (found === undefined || found.lines.length === 0) {
    throw cartEmpty("the cart is empty; add something first");
  }
  const { cart, lines } = found;
  const ids = lines.map(({ variantId }) => variantId);
  const circumstances = {
    currency: cart.currency,
    variants: await shop.readSaleVariants(scope, ids),
    customer: { groups: [], isNew: false, vatId: "" },
    offers: [],
    tax: shop.tax,
    destination,
  };
  const unshipped = priceLines(lines, circumstances);
  requireAvailable(unshipped);
  return shippingTo(shop, unshipped, destination)
    .map((shipping) => ({ shipping, priced: priceLines(lines, { ...circumstances, shipping }) }))
    .sort((a, b) => Number(a.priced.totals.total - b.priced.totals.total));
}
