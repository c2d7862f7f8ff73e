import type { MessageInitShape } from "@bufbuild/protobuf";
import type { GetInvoiceResponseSchema } from "#gen/souk/order/v1/invoice_pb.ts";
import { toInvoice } from "../after-sale/after-sale-message.ts";
import { ErrorReason, refuse } from "../errors.ts";
import type { StoredInvoice, StoredOrder } from "../order-parts.ts";
import { add } from "../pricing/rates.ts";
import type { Shop } from "../shop.ts";
import type { StoredTax } from "../stored-totals.ts";
import { addressLines } from "./address-lines.ts";
import { type Column, type Document, printDocument, type Sum } from "./document.ts";
import { formatMoney } from "./format-money.ts";
import { invoiceNumber } from "./invoice.ts";

const COLUMNS: readonly Column[] = [
  { title: "Article", share: 0.54, align: "left" },
  { title: "Number", share: 0.17, align: "left" },
  { title: "Quantity", share: 0.12, align: "right" },
  { title: "Amount", share: 0.17, align: "right" },
];
const PRICED_COLUMNS: readonly Column[] = [
  { title: "Article", share: 0.37, align: "left" },
  { title: "Number", share: 0.17, align: "left" },
  { title: "Quantity", share: 0.12, align: "right" },
  { title: "Unit price", share: 0.17, align: "right" },
  { title: "Amount", share: 0.17, align: "right" },
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

function documentOf(shop: Shop, order: StoredOrder, invoice: StoredInvoice): Document {
  const isCredit = invoice.kind === "CREDIT_NOTE";
  const number = invoiceNumber(invoice.kind, invoice.number);
  // Money may be given back for what several of them are for.
  const corrected = order.invoices
    .slice(0, order.invoices.indexOf(invoice))
    .filter(({ kind }) => isCredit && kind === "INVOICE")
    .map((each) => invoiceNumber(each.kind, each.number));
  const isPriced = invoice.content.items.some(({ unitPrice }) => unitPrice !== undefined);
  const price = (minor: string | undefined) =>
    minor === undefined ? "" : formatMoney(BigInt(minor), order.currency);
  return {
    title: `${isCredit ? "Credit note" : "Invoice"} ${number}`,
    sender: shop.seller,
    recipient: addressLines(order.billing_address ?? order.shipping_address),
    facts: [
      ["Date", invoice.create_time.toISOString().slice(0, 10)],
      ["Order", order.number],
      ["Ordered on", order.create_time.toISOString().slice(0, 10)],
      ...(order.vat_id === "" ? [] : [["Your VAT number", order.vat_id] as const]),
      ...(corrected.length === 0 ? [] : [["To invoice", corrected.join(", ")] as const]),
    ],
    columns: isPriced ? PRICED_COLUMNS : COLUMNS,
    rows: invoice.content.items.map(({ title, sku, quantity, unitPrice, subtotal, total }) => [
      title,
      sku,
      quantity,
      ...(isPriced ? [price(unitPrice)] : []),
      price(subtotal ?? total),
    ]),
    sums: sumsOf(invoice, order.currency),
    remarks: invoice.content.taxes.some(({ reverseCharge }) => reverseCharge)
      ? ["Reverse charge: the recipient owes the tax."]
      : [],
    issuedAt: invoice.create_time,
  };
}

/** How the items come to the total, and which taxes it contains. */
function sumsOf({ kind, content, total }: StoredInvoice, currency: string): Sum[] {
  const { items, discounts = [], taxes } = content;
  const row = (name: string, minor: bigint): Sum => ({ name, value: formatMoney(minor, currency) });
  const taxRow = (tax: StoredTax, how: string) =>
    row(`${how} ${tax.name} of ${formatMoney(BigInt(tax.base), currency)}`, BigInt(tax.amount));
  const owed = taxes.filter(({ reverseCharge }) => reverseCharge);
  // Items without a subtotal are listed with the taxes that come on top.
  const onTop = items.some(({ subtotal }) => subtotal !== undefined)
    ? taxes.filter((tax) => !tax.included && !owed.includes(tax))
    : [];
  const relief =
    add(items.map((item) => BigInt(item.subtotal ?? item.total))) -
    add(discounts.map(({ amount }) => BigInt(amount))) +
    add(onTop.map(({ amount }) => BigInt(amount))) -
    total;
  const names = owed.map(({ name }) => name).join(", ");
  return [
    ...discounts.map(({ displayName, amount }) => row(displayName, -BigInt(amount))),
    ...onTop.map((tax) => taxRow(tax, "plus")),
    ...(relief === 0n ? [] : [row(`less ${names} contained in these prices`, -relief)]),
    { ...row(kind === "CREDIT_NOTE" ? "Given back" : "Total", total), bold: true },
    ...taxes
      .filter((tax) => !onTop.includes(tax) && !owed.includes(tax))
      .map((tax) => taxRow(tax, "contains")),
  ];
}
