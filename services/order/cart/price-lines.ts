import type { SaleVariant } from "#gen/souk/product/v1/product_pb.ts";
import type { Customer, Destination, Offer, ShippingToPrice } from "../pricing/order-to-price.ts";
import { priceOrder } from "../pricing/price-order.ts";
import { add } from "../pricing/rates.ts";
import type { Parcel } from "../pricing/shipping/shipping-rules.ts";
import type { TaxRules } from "../pricing/tax/tax-rules.ts";
import type { ItemTotals, Totals } from "../pricing/totals.ts";
import type { StoredLine } from "./read-cart.ts";
import { type SaleVariants, unitPriceOf } from "./sale-variants.ts";

/** Lines of a cart at today's prices. */
export interface PricedLines {
  readonly currency: string;
  /** In the order of the lines given. */
  readonly lines: readonly PricedLine[];
  readonly totals: Totals;
}

/** What a line comes to today. */
export interface PricedLine extends ItemTotals {
  readonly line: StoredLine;
  /** What product said of its variant; undefined when that is not on sale. */
  readonly sale: SaleVariant | undefined;
  /** In minor units; undefined when the variant cannot be bought in the cart's currency, and counts nothing. */
  readonly unitPrice: bigint | undefined;
}

/** All that the price of some lines follows from, beside themselves. */
export interface Circumstances {
  /** An ISO 4217 code. */
  readonly currency: string;
  readonly variants: SaleVariants;
  readonly customer: Customer;
  readonly offers: readonly Offer[];
  readonly tax: TaxRules;
  /** Left out while it is not known. */
  readonly destination?: Destination;
  readonly shipping?: ShippingToPrice;
}

/** How a product is taxed that nothing is said of. */
const STANDARD_TAX_CLASS = "standard";
const NOTHING: ItemTotals = { subtotal: 0n, discounts: [], taxes: [], total: 0n };

/**
 * Says what lines of a cart cost. Cart, quote and order ask here, so that they agree.
 *
 * @param lines the lines
 * @param circumstances what else their price follows from
 */
export function priceLines(lines: readonly StoredLine[], circumstances: Circumstances): PricedLines {
  const { currency, variants, customer, offers: promotions, tax, destination, shipping } = circumstances;
  const offered = lines.map((line) => {
    const sale = variants.get(line.variantId);
    return { line, sale, unitPrice: unitPriceOf(sale, currency, line.quantity) };
  });
  const toPrice = offered.flatMap(({ line: { id, quantity }, sale, unitPrice }) => {
    if (sale === undefined || unitPrice === undefined) return [];
    return [{ id, quantity, unitPrice, ...placeInCatalogue(sale) }];
  });
  const totals = priceOrder({
    currency,
    lines: toPrice,
    shipping,
    promotions,
    customer,
    destination,
    tax,
  });
  const byLine = new Map(totals.lines.map(({ lineId, ...item }) => [lineId, item]));
  return {
    currency,
    lines: offered.map((it) => ({ ...it, ...(byLine.get(it.line.id) ?? NOTHING) })),
    totals,
  };
}

/** Where promotions and taxes find a variant. */
function placeInCatalogue({ productId, categoryId, taxClass }: SaleVariant) {
  return { productId, categoryId, taxClass: taxClass || STANDARD_TAX_CLASS };
}

/**
 * What a line of an order keeps of its variant.
 *
 * @param sale what product said of the variant
 */
export function toStoredVariant(sale: SaleVariant) {
  const { productId, categoryId, taxClass } = placeInCatalogue(sale);
  return {
    product_id: productId,
    category_id: categoryId,
    tax_class: taxClass,
    sku: sale.variant?.sku ?? "",
    title: sale.productTitle,
    option_values: sale.variant?.optionValues ?? [],
    grams: BigInt(sale.variant?.grams ?? 0),
  };
}

/**
 * What lines are as a parcel.
 *
 * @param priced the lines
 */
export function parcelOf({ currency, lines, totals }: PricedLines): Parcel {
  const buyable = lines.filter(({ unitPrice }) => unitPrice !== undefined);
  return {
    currency,
    subtotal: totals.subtotal,
    grams: add(buyable.map(({ line, sale }) => BigInt(sale?.variant?.grams ?? 0) * line.quantity)),
    pieces: add(buyable.map(({ line }) => line.quantity)),
  };
}
