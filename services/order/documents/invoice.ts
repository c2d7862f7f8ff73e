import { sql } from "kysely";
import { uuidv7 } from "uuidv7";
import type { InvoiceContent, InvoiceItem, InvoiceKindName } from "../after-sale/after-sale.ts";
import { type Pieces, totalsOf } from "../after-sale/pieces.ts";
import type { OrderTransaction } from "../database.ts";
import type { StoredOrder } from "../order-parts.ts";
import { mergeDiscounts } from "../pricing/promotions/basket.ts";
import { mergeTaxes } from "../pricing/tax/tax-items.ts";
import type { ItemTotals } from "../pricing/totals.ts";
import { shippingItemOf, toItemTotals, toStoredDiscounts, toStoredTaxes } from "../stored-totals.ts";

/** What an invoice is for. */
export interface InvoiceDraft {
  readonly kind: InvoiceKindName;
  readonly content: InvoiceContent;
  /** In minor units. */
  readonly total: bigint;
}

/**
 * The number of an invoice, for people.
 *
 * @param kind what it does
 * @param number where it stands among those of its kind, from 1
 */
export function invoiceNumber(kind: InvoiceKindName, number: bigint): string {
  return `${kind === "INVOICE" ? "R" : "G"}-${String(number).padStart(7, "0")}`;
}

/**
 * Drafts the invoice for goods that are sent.
 *
 * @param order the order as it was before
 * @param pieces what is sent
 * @param withShipping whether it is for shipping, too
 */
export function draftInvoice(
  order: StoredOrder,
  pieces: readonly Pieces[],
  withShipping: boolean,
): InvoiceDraft {
  const goods = pieces.map((each) => ({ ...each, totals: totalsOf(each, each.line.shipped) }));
  const shipping = toItemTotals(shippingItemOf(order));
  const items: InvoiceItem[] = goods.map(({ line, count, totals }) => ({
    title: [line.title, ...line.option_values].join(", "),
    sku: line.sku,
    quantity: String(count),
    unitPrice: String(line.unit_price),
    subtotal: String(totals.subtotal),
    total: String(totals.total),
  }));
  if (withShipping) {
    const { subtotal, total } = shipping;
    items.push({
      title: "Shipping",
      sku: "",
      quantity: "",
      subtotal: String(subtotal),
      total: String(total),
    });
  }
  const totals: ItemTotals[] = [...goods.map((each) => each.totals), ...(withShipping ? [shipping] : [])];
  const discounts = mergeDiscounts(totals.flatMap((each) => each.discounts)).filter(
    ({ amount }) => amount !== 0n,
  );
  return {
    kind: "INVOICE",
    content: {
      items,
      discounts: toStoredDiscounts(discounts),
      taxes: toStoredTaxes(mergeTaxes(totals.flatMap(({ taxes }) => taxes))),
    },
    total: totals.reduce((sum, { total }) => sum + total, 0n),
  };
}

/**
 * Issues an invoice or credit note. Its number is the next of its kind; the counter is locked until the transaction
 * ends, so that a number is taken if and only if its invoice is there.
 *
 * @param tx the transaction
 * @param orderId the order
 * @param draft what it is for
 */
export async function issueInvoice(
  tx: OrderTransaction,
  orderId: string,
  { kind, content, total }: InvoiceDraft,
): Promise<void> {
  await tx.sql
    .with("next", (db) =>
      db
        .updateTable("invoice_counter")
        .set({ last: sql<bigint>`last + 1` })
        .where("kind", "=", kind)
        .returning("last"),
    )
    .insertInto("invoice")
    .columns(["id", "order_id", "kind", "number", "content", "total"])
    .expression((db) =>
      db
        .selectFrom("next")
        .select([
          sql<string>`${uuidv7()}::uuid`.as("id"),
          sql<string>`${orderId}::uuid`.as("order_id"),
          sql<InvoiceKindName>`${kind}::text`.as("kind"),
          "next.last",
          sql<InvoiceContent>`${JSON.stringify(content)}::jsonb`.as("content"),
          sql<bigint>`${total}::bigint`.as("total"),
        ]),
    )
    .execute();
}
