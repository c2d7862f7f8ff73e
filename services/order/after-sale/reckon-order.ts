import { fromJson } from "@bufbuild/protobuf";
import { uuidv7 } from "uuidv7";
import { type Address, AddressSchema } from "#gen/souk/mesh/v1/address_pb.ts";
import type { SaleVariant } from "#gen/souk/product/v1/product_pb.ts";
import { MAX_LINES, MAX_QUANTITY } from "../cart/cart-rules.ts";
import { toStoredVariant } from "../cart/price-lines.ts";
import { type SaleVariants, unitPriceOf } from "../cart/sale-variants.ts";
import { requireMethod } from "../checkout/checkout-rules.ts";
import { ErrorReason, refuse } from "../errors.ts";
import type { NewOrder } from "../new-order.ts";
import { destinationOf } from "../order-message.ts";
import type { StoredOrder, StoredOrderLine } from "../order-parts.ts";
import type { Destination, Offer, ShippingToPrice } from "../pricing/order-to-price.ts";
import { priceOrder } from "../pricing/price-order.ts";
import { add } from "../pricing/rates.ts";
import type { Discount } from "../pricing/totals.ts";
import type { Shop } from "../shop.ts";
import { toStoredDiscounts, toStoredTaxes, toStoredTotals } from "../stored-totals.ts";

/** What a line is before it is known what the order costs. */
export type UnpricedLine = Pick<
  StoredOrderLine,
  | "id"
  | "cart_line_id"
  | "variant_id"
  | "product_id"
  | "category_id"
  | "tax_class"
  | "sku"
  | "title"
  | "option_values"
  | "grams"
  | "quantity"
  | "unit_price"
  | "note"
> & {
  /** What is taken off it already; nothing when left out. */
  readonly discounts?: readonly Discount[];
};
/** A line with what it comes to. */
export type ReckonedLine = NewOrder["lines"][number];
/** What an order comes to. */
export type Reckoned = Pick<
  NewOrder,
  | "subtotal"
  | "shipping"
  | "shipping_discounts"
  | "shipping_taxes"
  | "shipping_total"
  | "discounts"
  | "taxes"
  | "tax_included"
  | "total"
  | "shipping_method"
> & { readonly lines: readonly ReckonedLine[] };

/** A number of a variant that staff adds to an order. */
export interface AddedLine {
  /** In lower case. */
  readonly variantId: string;
  readonly quantity: bigint;
  readonly note: string;
}

/**
 * A line of a variant at what it costs today.
 *
 * @param order the order whose customer buys it
 * @param added what is added
 * @param variants what product said of it
 * @throws SoukError VARIANT_NOT_FOUND or CURRENCY_MISMATCH
 */
export function lineOf(
  { currency }: Pick<StoredOrder, "currency">,
  { variantId, quantity, note }: AddedLine,
  variants: SaleVariants,
): UnpricedLine {
  const sale = variants.get(variantId);
  if (sale === undefined) {
    throw refuse(
      ErrorReason.VARIANT_NOT_FOUND,
      `there is no variant ${variantId} on sale; read the product again`,
      { metadata: { variant_id: variantId } },
    );
  }
  const unitPrice = unitPriceOf(sale, currency, quantity);
  if (unitPrice === undefined) throw otherCurrency(sale, variantId, currency);
  const id = uuidv7();
  return {
    id,
    cart_line_id: id,
    variant_id: variantId,
    ...toStoredVariant(sale),
    quantity,
    unit_price: unitPrice,
    note,
  };
}

/** Beside the lines, what the price of an order follows from. */
export interface Terms extends Way {
  /** Whose order it is. */
  readonly order: Pick<StoredOrder, "currency" | "customer_groups" | "vat_id">;
  readonly offers: readonly Offer[];
  /** The way that costs nothing, for what replaces goods; another one costs what it costs more. */
  readonly freeWay?: Way | undefined;
}

/** How something is shipped, and where to. */
export interface Way {
  readonly method: string;
  readonly address: Address;
}

/**
 * How an order is shipped, and where to.
 *
 * @param order the order
 */
export function wayOf({
  shipping_method: method,
  shipping_address,
}: Pick<StoredOrder, "shipping_method" | "shipping_address">): Way {
  return { method, address: fromJson(AddressSchema, shipping_address, { ignoreUnknownFields: true }) };
}

/**
 * Reckons what some lines come to as an order, as when it was placed.
 *
 * @param shop with whose rules
 * @param lines the lines
 * @param terms what else it follows from
 * @throws SoukError CART_TOO_LARGE or SHIPPING_METHOD_UNAVAILABLE
 */
export function reckonOrder(shop: Shop, lines: readonly UnpricedLine[], terms: Terms): Reckoned {
  requireSize(lines);
  const { currency, customer_groups: groups, vat_id: vatId } = terms.order;
  const destination = destinationOf(terms.address);
  const totals = priceOrder({
    currency,
    lines: lines.map((line) => ({
      id: line.id,
      productId: line.product_id,
      categoryId: line.category_id,
      taxClass: line.tax_class,
      quantity: line.quantity,
      unitPrice: line.unit_price,
      discounts: line.discounts ?? [],
    })),
    shipping: shippingOf(shop, lines, terms),
    promotions: terms.offers,
    // Whose first order it was when it was placed keeps what that brought; no other promotion is looked at.
    customer: { groups, vatId, isNew: true },
    destination,
    tax: shop.tax,
  });
  return {
    ...toStoredTotals(totals),
    shipping_method: terms.method,
    lines: lines.map((line, index) => {
      const { subtotal = 0n, discounts = [], taxes = [], total = 0n } = totals.lines[index] ?? {};
      return {
        ...line,
        subtotal,
        discounts: toStoredDiscounts(discounts),
        taxes: toStoredTaxes(taxes),
        total,
      };
    }),
  };
}

function shippingOf(
  shop: Shop,
  lines: readonly UnpricedLine[],
  { order: { currency }, address, method, freeWay }: Terms,
): ShippingToPrice {
  const destination = destinationOf(address);
  // What is sent as the goods that it replaces were is sent so even where the shop sends nothing that way any more.
  if (freeWay?.method === method && isSame(destinationOf(freeWay.address), destination))
    return { method, cost: 0n };
  const parcel = {
    currency,
    subtotal: add(lines.map(({ unit_price, quantity }) => unit_price * quantity)),
    grams: add(lines.map(({ grams, quantity }) => grams * quantity)),
    pieces: add(lines.map(({ quantity }) => quantity)),
  };
  const { cost } = requireMethod(shop.shipping.offersFor(parcel, destination), destination, method);
  if (freeWay === undefined) return { method, cost };
  const offers = shop.shipping.offersFor(parcel, destinationOf(freeWay.address));
  const given = offers.find((offer) => offer.method === freeWay.method)?.cost ?? 0n;
  return { method, cost: cost > given ? cost - given : 0n };
}

function isSame(a: Destination, b: Destination): boolean {
  return a.countryCode === b.countryCode && a.region === b.region;
}

function requireSize(lines: readonly UnpricedLine[]): void {
  if (lines.length > MAX_LINES) {
    throw refuse(
      ErrorReason.CART_TOO_LARGE,
      `an order has ${MAX_LINES} lines at most, and would have ${lines.length}; add fewer`,
      { metadata: { limit: String(MAX_LINES) } },
    );
  }
  const large = lines.find(({ quantity }) => quantity > MAX_QUANTITY);
  if (large === undefined) return;
  throw refuse(
    ErrorReason.CART_TOO_LARGE,
    `a line has ${MAX_QUANTITY} at most, and would have ${large.quantity}; ask for fewer`,
    { metadata: { limit: String(MAX_QUANTITY), variant_id: large.variant_id } },
  );
}

function otherCurrency(sale: SaleVariant, variantId: string, currency: string) {
  const other = sale.variant?.price?.currency ?? "";
  return refuse(
    ErrorReason.CURRENCY_MISMATCH,
    `the variant is sold in ${other} and the order is in ${currency}; one order holds one currency`,
    { metadata: { variant_id: variantId, variant_currency: other, order_currency: currency } },
  );
}
