import type { InvoiceItem } from "../after-sale/after-sale.ts";
import type { StoredOrder, StoredRefund } from "../order-parts.ts";
import { divideHalfUp } from "../pricing/rates.ts";
import { mergeTaxes } from "../pricing/tax/tax-items.ts";
import type { Tax } from "../pricing/totals.ts";
import { type StoredTax, toItemTotals, toStoredTaxes } from "../stored-totals.ts";
import type { InvoiceDraft } from "./invoice.ts";

/**
 * Drafts the credit note for money that is given back. It takes as much of each tax back as the money is of what was
 * paid for the same.
 *
 * @param order the order
 * @param refund the refund
 */
export function draftCreditNote(order: StoredOrder, refund: StoredRefund): InvoiceDraft {
  const items: InvoiceItem[] = [];
  const taxes: Tax[] = [];
  let rest = refund.amount;
  const credit = (
    item: InvoiceItem,
    whole: { readonly total: bigint; readonly taxes: readonly StoredTax[] },
  ) => {
    const amount = BigInt(item.total);
    if (amount === 0n) return;
    items.push(item);
    taxes.push(...shareOfTaxes(whole, amount));
    rest -= amount;
  };
  for (const { lineId, quantity, amount } of refund.lines) {
    const line = order.lines.find(({ id }) => id === lineId);
    if (line === undefined) throw new Error(`refund ${refund.id} is for line ${lineId}, which is not there`);
    const title = [line.title, ...line.option_values].join(", ");
    credit({ title, sku: line.sku, quantity, total: amount }, line);
  }
  const shipping = { total: order.shipping_total, taxes: order.shipping_taxes };
  credit({ title: "Shipping", sku: "", quantity: "", total: String(refund.shipping) }, shipping);
  credit({ title: "Credit", sku: "", quantity: "", total: String(rest) }, order);
  return {
    kind: "CREDIT_NOTE",
    content: { items, taxes: toStoredTaxes(mergeTaxes(taxes)) },
    total: refund.amount,
  };
}

function shareOfTaxes(
  { total, taxes }: { readonly total: bigint; readonly taxes: readonly StoredTax[] },
  amount: bigint,
): Tax[] {
  const share = (minor: bigint) => (total === 0n ? 0n : divideHalfUp(minor * amount, total));
  return toItemTotals({ subtotal: total, discounts: [], taxes, total }).taxes.map((tax) => ({
    ...tax,
    // Rounded by themselves, half of a cent of both would come to one that was not given back.
    base: share(tax.base + tax.amount) - share(tax.amount),
    amount: share(tax.amount),
  }));
}
