import type { OrderToPrice } from "./order-to-price.ts";
import { applyPromotions } from "./promotions/apply-promotions.ts";
import { remaining } from "./promotions/basket.ts";
import { add } from "./rates.ts";
import { mergeTaxes, type Taxable, taxItems } from "./tax/tax-items.ts";
import type { ItemTotals, Totals } from "./totals.ts";

/** How shipping is taxed. */
const SHIPPING_TAX_CLASS = "shipping";

/**
 * Says what an order costs. Cart, quote, order, refund and invoice are all reckoned here, so that they agree:
 * the same input gives the same totals, and each sum is the sum of its parts to the minor unit.
 *
 * @param order all that the price follows from
 */
export function priceOrder(order: OrderToPrice): Totals {
  const { currency, tax, customer, destination } = order;
  const { basket, discounts, idleCoupons } = applyPromotions(order);
  const items = [...basket.lines, basket.shipping];
  const classes = [...order.lines.map(({ taxClass }) => taxClass), SHIPPING_TAX_CLASS];
  const taxables = items.map((item, index): Taxable => {
    return { amount: remaining(item), rates: tax.ratesFor(classes[index] as string, destination) };
  });
  const taxed = taxItems(taxables, {
    included: tax.pricesIncludeTax,
    rounding: tax.rounding,
    reverseCharge: tax.isReverseCharged(customer.vatId, destination),
  });
  const totals = items.map(({ subtotal, discounts }, index): ItemTotals => {
    return { subtotal, discounts, taxes: taxed[index]?.taxes ?? [], total: taxed[index]?.total ?? 0n };
  });
  const shipping = totals.pop() as ItemTotals;
  const lines = totals.map((item, index) => ({ ...item, lineId: order.lines[index]?.id ?? "" }));
  return {
    currency,
    lines,
    shipping,
    subtotal: add(lines.map(({ subtotal }) => subtotal)),
    discounts,
    idleCoupons,
    taxes: mergeTaxes([...lines, shipping].flatMap(({ taxes }) => taxes)),
    total: add([...lines, shipping].map(({ total }) => total)),
  };
}
