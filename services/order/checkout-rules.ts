import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import { ErrorReason, refuse } from "./errors.ts";
import { type PricedLines, parcelOf } from "./price-lines.ts";
import type { Destination } from "./pricing/order-to-price.ts";
import type { ShippingOffer } from "./pricing/shipping/shipping-rules.ts";
import type { Shop } from "./shop.ts";

/**
 * Refuses to sell what cannot be bought any more.
 *
 * @param priced the lines
 * @throws SoukError LINE_UNAVAILABLE
 */
export function requireAvailable({ lines }: PricedLines): void {
  const unavailable = lines.find(({ unitPrice }) => unitPrice === undefined);
  if (unavailable === undefined) return;
  const { id, variantId } = unavailable.line;
  throw refuse(ErrorReason.LINE_UNAVAILABLE, `line ${id} of the cart is no longer on sale; remove it`, {
    metadata: { line_id: id, variant_id: variantId },
  });
}

/**
 * The ways of shipping some lines to a place, the cheapest first.
 *
 * @param shop what orders are handled with
 * @param priced the lines
 * @param destination where to
 */
export function shippingTo(
  shop: Shop,
  priced: PricedLines,
  destination: Destination,
): readonly ShippingOffer[] {
  return shop.shipping.offersFor(parcelOf(priced), destination);
}

/**
 * The way of shipping with an id.
 *
 * @param shop what orders are handled with
 * @param priced the lines
 * @param destination where to
 * @param method as a quote named it
 * @throws SoukError SHIPPING_METHOD_UNAVAILABLE
 */
export function requireShipping(
  shop: Shop,
  priced: PricedLines,
  destination: Destination,
  method: string,
): ShippingOffer {
  const offers = shippingTo(shop, priced, destination);
  const offer = offers.find((each) => each.method === method);
  if (offer !== undefined) return offer;
  const known = offers.map((each) => each.method).join(", ");
  throw refuse(
    ErrorReason.SHIPPING_METHOD_UNAVAILABLE,
    known === ""
      ? `this is not shipped to ${destination.countryCode} at all; take another address`
      : `there is no way of shipping this there that is called ${method}; take one of ${known}`,
    { metadata: { shipping_method: method, country_code: destination.countryCode, known } },
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
