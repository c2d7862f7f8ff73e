import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import type { StoredLine } from "./cart-rows.ts";
import { ErrorReason, refuse } from "./errors.ts";
import type { Breakdown } from "./pricing/price-cart.ts";
import type { ShippingMethod } from "./pricing/shipping.ts";
import type { Shop } from "./shop.ts";

/**
 * Refuses to sell what cannot be bought any more.
 *
 * @param breakdown a priced cart
 * @throws SoukError LINE_UNAVAILABLE
 */
export function requireAvailable({ lines }: Breakdown<StoredLine>): void {
  const unavailable = lines.find(({ unitPrice }) => unitPrice === undefined);
  if (unavailable === undefined) return;
  const { id, variantId } = unavailable.line;
  throw refuse(ErrorReason.LINE_UNAVAILABLE, `line ${id} of the cart is no longer on sale; remove it`, {
    metadata: { line_id: id, variant_id: variantId },
  });
}

/**
 * The ways of shipping that are charged in a currency.
 *
 * @param shop what orders are handled with
 * @param currency the cart's currency
 */
export function shippingIn(shop: Shop, currency: string): ShippingMethod[] {
  return shop.shipping.filter(({ rate }) => rate.currency === currency);
}

/**
 * The way of shipping with an id.
 *
 * @param shop what orders are handled with
 * @param currency the cart's currency
 * @param id as a quote named it
 * @throws SoukError SHIPPING_METHOD_UNAVAILABLE
 */
export function requireShipping(shop: Shop, currency: string, id: string): ShippingMethod {
  const methods = shippingIn(shop, currency);
  const method = methods.find((each) => each.id === id);
  if (method !== undefined) return method;
  const known = methods.map((each) => each.id).join(", ");
  throw refuse(
    ErrorReason.SHIPPING_METHOD_UNAVAILABLE,
    `there is no way of shipping called ${id}; take one of ${known}`,
    { metadata: { shipping_method: id } },
  );
}

/**
 * Refuses an order that costs something else than its customer expects.
 *
 * @param total what it costs
 * @param expected what the customer expects; anything when left out
 * @throws SoukError TOTAL_CHANGED
 */
export function requireExpected(total: Money, expected: Money | undefined): void {
  if (expected === undefined) return;
  if (expected.minor === total.minor && expected.currency === total.currency) return;
  throw refuse(
    ErrorReason.TOTAL_CHANGED,
    `the order costs ${total.minor} ${total.currency} now, not ${expected.minor} ${expected.currency} (in minor units); get a new quote`,
    {
      metadata: {
        total_minor: String(total.minor),
        total_currency: total.currency,
        expected_minor: String(expected.minor),
        expected_currency: expected.currency,
      },
    },
  );
}

/** The refusal to sell nothing. */
export function cartEmpty(message: string) {
  return refuse(ErrorReason.CART_EMPTY, message);
}
