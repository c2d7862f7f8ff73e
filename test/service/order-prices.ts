import { create } from "@bufbuild/protobuf";
import { PromotionTermsSchema } from "#gen/souk/order/v1/promotion_pb.ts";
import type { LineToPrice, Offer, OrderToPrice } from "../../services/order/pricing/order-to-price.ts";
import { add } from "../../services/order/pricing/rates.ts";
import type { TaxRules } from "../../services/order/pricing/tax/tax-rules.ts";
import type { ItemTotals, Totals } from "../../services/order/pricing/totals.ts";

type Effect = Parameters<typeof create<typeof PromotionTermsSchema>>[1];

const VAT: Record<string, bigint> = { standard: 190_000n, shipping: 190_000n, books: 70_000n };

/** German VAT, contained in prices. */
export function taxRules(change: Partial<TaxRules> = {}): TaxRules {
  return {
    pricesIncludeTax: true,
    rounding: "line",
    ratesFor: (taxClass) => (VAT[taxClass] ? [{ name: `VAT ${taxClass}`, ppm: VAT[taxClass] }] : []),
    isReverseCharged: (vatId) => vatId !== "",
    ...change,
  };
}

/** A line of lamps, taxed at the standard rate. */
export function line(
  id: string,
  quantity: bigint,
  unitPrice: bigint,
  more: Partial<LineToPrice> = {},
): LineToPrice {
  return { id, productId: id, categoryId: "lamps", taxClass: "standard", quantity, unitPrice, ...more };
}

let offers = 0;
/** A promotion that is on offer; later ones have higher ids. */
export function offer(terms: Effect, couponCode = ""): Offer {
  const id = `promotion-${String(offers++).padStart(4, "0")}`;
  return { id, terms: create(PromotionTermsSchema, { displayName: id, ...terms }), couponCode };
}

/** A promotion that takes a share off. */
export const percent = (ratePpm: number, more: object = {}, terms: object = {}) =>
  offer({ effect: { case: "percentageOff", value: { ratePpm, ...more } }, ...terms });

/** An order of somebody in Germany, shipped for EUR 4.90. */
export function order(
  lines: LineToPrice[],
  promotions: Offer[] = [],
  more: Partial<OrderToPrice> = {},
): OrderToPrice {
  return {
    currency: "EUR",
    lines,
    promotions,
    shipping: { method: "standard", cost: 490n },
    customer: { groups: [], isNew: false, vatId: "" },
    destination: { countryCode: "DE", region: "" },
    tax: taxRules(),
    ...more,
  };
}

export const eur = (minor: bigint) => ({ minor, currency: "EUR" });
/** What promotions take off. */
export const taken = ({ discounts }: Totals | ItemTotals) => add(discounts.map(({ amount }) => amount));
