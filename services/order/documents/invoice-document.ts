import type { MessageInitShape } from "@bufbuild/protobuf";
import type { GetInvoiceResponseSchema } from "#gen/souk/order/v1/invoice_pb.ts";
import { toInvoice } from "../after-sale/after-sale-message.ts";
import { ErrorReason, refuse } from "../errors.ts";
import type { StoredInvoice, StoredOrder } from "../order-parts.ts";
import type { Shop } from "../shop.ts";
import { addressLines } from "./address-lines.ts";
import { type Column, printDocument } from "./document.ts";
import { formatMoney } from "./format-money.ts";
import { invoiceNumber } from "./invoice.ts";

const COLUMNS: readonly Column[] = [
  { title: "Article", share: 0.47, align: "left" },
  { title: "Number", share: 0.2, align: "left" },
  { title: "Quantity", share: 0.13, align: "right" },
  { title: "Amount", share: 0.2, align: "right" },
];

/**
 * An invoice or credit note as a file.
 *
 * @param shop who issues it, and how it is printed
 * @param order its order
 * @param invoiceId which one; "" for the first invoice
 * @throws SoukError INVOICE_NOT_FOUND
 */
export async function printInvoice(
  shop: Shop,
  order: StoredOrder,
  invoiceId: string,
): Promise<MessageInitShape<typeof GetInvoiceResponseSchema>> {
  const invoice = order.invoices.find(({ id, kind }) =>
    invoiceId === "" ? kind === "INVOICE" : id === invoiceId,
  );
  if (invoice === undefined) {
    throw refuse(
      ErrorReason.INVOICE_NOT_FOUND,
      invoiceId === ""
        ? `order ${order.id} has no invoice yet; there is one once something of it is sent`
        : `order ${order.id} has no invoice ${invoiceId}; read the order to see which it has`,
    );
  }
  const number = invoiceNumber(invoice.kind, invoice.number);
  return {
    invoice: toInvoice(invoice, order.currency),
    filename: `${number}.pdf`,
    pdf: await printDocument(documentOf(shop, order, invoice), shop.press),
  };
}

function documentOf(shop: Shop, order: StoredOrder, invoice: StoredInvoice) {
  const { currency } = order;
  const { items, taxes } = invoice.content;
  const isCredit = invoice.kind === "CREDIT_NOTE";
  const number = invoiceNumber(invoice.kind, invoice.number);
  const first = order.invoices.find(({ kind }) => kind === "INVOICE");
  const due = taxes.some(({ reverseCharge }) => reverseCharge);
  return {
    title: `${isCredit ? "Credit note" : "Invoice"} ${number}`,
    sender: shop.seller,
    recipient: addressLines(order.billing_address ?? order.shipping_address),
    facts: [
      ["Date", invoice.create_time.toISOString().slice(0, 10)],
      ["Order", order.number],
      ["Ordered on", order.create_time.toISOString().slice(0, 10)],
      ...(order.vat_id === "" ? [] : [["Your VAT number", order.vat_id]]),
      ...(isCredit && first !== undefined ? [["To invoice", invoiceNumber("INVOICE", first.number)]] : []),
    ] as [string, string][],
    columns: COLUMNS,
    rows: items.map(({ title, sku, quantity, total }) => [
      title,
      sku,
      quantity,
      formatMoney(BigInt(total), currency),
    ]),
    sums: [
      ...taxes.map(({ name, base, amount, included }): [string, string] => [
        `${included ? "contains" : "plus"} ${name} of ${formatMoney(BigInt(base), currency)}`,
        formatMoney(BigInt(amount), currency),
      ]),
      [isCredit ? "Given back" : "Total", formatMoney(invoice.total, currency)] as [string, string],
    ],
    remarks: due ? ["Reverse charge: the recipient owes the tax."] : [],
    issuedAt: invoice.create_time,
  };
}
