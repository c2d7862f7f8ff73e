import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import { MeshReason, refuseMesh } from "#kit/error.ts";
import type { CartChange } from "../cart/cart-changes.ts";
import { type PricedLines, parcelOf } from "../cart/price-lines.ts";
import { ErrorReason, refuse } from "../errors.ts";
import type { Destination } from "../pricing/order-to-price.ts";
import type { ShippingOffer } from "../pricing/shipping/shipping-rules.ts";
import { isPlausibleVatId, normalVatId } from "../pricing/tax/vat-id.ts";
import type { Shop } from "../shop.ts";
import { sumOfDiscounts } from "../stored-totals.ts";
import type { Split } from "./means.ts";

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
  return requireMethod(shippingTo(shop, priced, destination), destination, method);
}

/**
 * The way of shipping with an id, among those that there are.
 *
 * @param offers the ways of shipping
 * @param destination where to
 * @param method as a quote named it
 * @throws SoukError SHIPPING_METHOD_UNAVAILABLE
 */
export function requireMethod(
  offers: readonly ShippingOffer[],
  destination: Destination,
  method: string,
): ShippingOffer {
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
 * @param priced what it costs
 * @param expected what the customer expects; anything when left out
 * @param changes what changed since the customer was told of the cart
 * @throws SoukError TOTAL_CHANGED
 */
export function requireExpected(
  { currency, totals }: PricedLines,
  expected: Money | undefined,
  changes: readonly CartChange[],
): void {
  if (expected === undefined) return;
  const { total, subtotal, shipping } = totals;
  if (expected.minor === total && expected.currency === currency) return;
  throw refuse(
    ErrorReason.TOTAL_CHANGED,
    `the order costs ${total} ${currency} now, not ${expected.minor} ${expected.currency} (in minor units); get a new quote`,
    {
      metadata: {
        total_minor: String(total),
        total_currency: currency,
        expected_minor: String(expected.minor),
        expected_currency: expected.currency,
        subtotal_minor: String(subtotal),
        shipping_minor: String(shipping.subtotal),
        discount_minor: String(sumOfDiscounts(totals.discounts)),
        changes: changes.map(inWords).join("; "),
      },
    },
  );
}

function inWords(change: CartChange): string {
  switch (change.kind) {
    case "price":
      return `line ${change.lineId} costs ${change.now} each, not ${change.before}`;
    case "unavailable":
      return `line ${change.lineId} is no longer on sale`;
    case "stock":
      return `of line ${change.lineId} ${change.available} are available`;
    case "coupon":
      return `coupon ${change.code} takes nothing off any more`;
  }
}

/**
 * A VAT number in normal form.
 *
 * @param vatId as it was written; "" where there is none
 * @param destination where the order goes
 * @throws SoukError VAT_ID_INVALID when it cannot be one of that country
 */
export function requireVatId(vatId: string, { countryCode }: Destination): string {
  if (vatId === "") return "";
  const normal = normalVatId(vatId);
  if (isPlausibleVatId(normal, countryCode)) return normal;
  const description = `is not a VAT number of ${countryCode}: correct it, leave it out, or take an address in its country`;
  throw refuse(ErrorReason.VAT_ID_INVALID, `vat_id ${description}`, {
    violations: [{ field: "vat_id", description }],
  });
}

/**
 * Requires something that pays what gift cards and store credit leave.
 *
 * @param split who pays what
 * @param currency of the order
 * @param token of a card; "" where there is none
 * @throws SoukError INVALID_REQUEST
 */
export function requireCard({ card }: Split, currency: string, token: string): void {
  if (card === 0n || token !== "") return;
  const description = `is missing: ${card} ${currency} in minor units are left for a card to pay`;
  throw refuseMesh(MeshReason.INVALID_REQUEST, `payment ${description}`, {
    violations: [{ field: "payment", description }],
  });
}

/**
 * Requires that the shop allows to send browsers back to an address.
 *
 * @param shop what orders are handled with
 * @param returnUri the address; "" where there is none
 * @throws SoukError RETURN_URI_REFUSED
 */
export function requireReturnUri({ returnOrigins }: Shop, returnUri: string): void {
  if (returnUri === "" || returnOrigins.has("*")) return;
  const uri = URL.parse(returnUri);
  // Of what is no page, the origin is "null".
  if (uri !== null && returnOrigins.has(uri.origin)) return;
  const description =
    "is not of an origin to which this shop sends browsers back; ORDER_RETURN_ORIGINS names them";
  throw refuse(ErrorReason.RETURN_URI_REFUSED, `return_uri ${description}`, {
    violations: [{ field: "return_uri", description }],
  });
}

/** The refusal to sell nothing. */
export function cartEmpty(message: string) {
  return refuse(ErrorReason.CART_EMPTY, message);
}
