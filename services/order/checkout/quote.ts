import type { Scope } from "#kit/scope.ts";
import { cartNotFound } from "../cart/cart-rows.ts";
import { idleCouponsOf } from "../cart/idle-coupons.ts";
import { circumstancesOf } from "../cart/price-cart.ts";
import { type PricedLines, priceLines } from "../cart/price-lines.ts";
import { readCart } from "../cart/read-cart.ts";
import { groupsOf, type Shopper } from "../cart/shopper.ts";
import type { Destination } from "../pricing/order-to-price.ts";
import type { ShippingOffer } from "../pricing/shipping/shipping-rules.ts";
import type { IdleCoupon } from "../pricing/totals.ts";
import type { Shop } from "../shop.ts";
import { cartEmpty, requireAvailable, requireVatId, shippingTo } from "./checkout-rules.ts";
import { readMeans, type Split, splitPayment, type WantedMeans } from "./means.ts";

/** What a cart costs with one way of shipping it. */
export interface Quote {
  readonly shipping: ShippingOffer;
  readonly priced: PricedLines;
  readonly split: Split;
  /** The coupons of the cart that take nothing off. */
  readonly idleCoupons: readonly IdleCoupon[];
}

/** What a quote is asked for. */
export interface QuoteWish {
  /** Where the order shall go. */
  readonly destination: Destination;
  /** The VAT number of the customer's company, as it was written; "" where there is none. */
  readonly vatId: string;
  readonly means: WantedMeans;
}

/**
 * Says what a cart would cost with each way of shipping it, the cheapest first.
 *
 * @param shop what carts are handled with
 * @param scope the call
 * @param shopper whose cart
 * @param wish where it shall go, and how it is paid
 * @throws SoukError CART_EMPTY, CART_NOT_FOUND, LINE_UNAVAILABLE, VAT_ID_INVALID, SHIPPING_METHOD_UNAVAILABLE,
 *   GIFT_CARD_REFUSED or STORE_CREDIT_REFUSED
 */
export async function getQuotes(
  shop: Shop,
  scope: Scope,
  shopper: Shopper,
  { destination, vatId, means: wanted }: QuoteWish,
): Promise<Quote[]> {
  const ownVatId = requireVatId(vatId, destination);
  const { cart, ...state } = await readCart(shop.db.sql, shopper.owner);
  if (cart === undefined && "tokenHash" in shopper.owner) throw cartNotFound();
  if (cart === undefined || state.lines.length === 0) {
    throw cartEmpty("the cart is empty; add something first");
  }
  const { lines } = state;
  const market = { currency: cart.currency, groups: groupsOf(shopper, state) };
  const ids = lines.map(({ variantId }) => variantId);
  const [variants, means] = await Promise.all([
    shop.readSaleVariants(scope, market, ids),
    readMeans(scope, shopper, wanted),
  ]);
  const own = await circumstancesOf(shop, shop.db.sql, shopper, { ...state, cart }, variants, ownVatId);
  const circumstances = { ...own, destination };
  const unshipped = priceLines(lines, circumstances);
  requireAvailable(unshipped);
  return shippingTo(shop, unshipped, destination)
    .map((shipping) => {
      const priced = priceLines(lines, { ...circumstances, shipping });
      const split = splitPayment(priced.totals.total, cart.currency, means);
      return { shipping, priced, split, idleCoupons: idleCouponsOf(cart, state, priced.totals) };
    })
    .sort((a, b) => Number(a.priced.totals.total - b.priced.totals.total));
}
