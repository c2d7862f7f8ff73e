import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import type { Order, OrderLine } from "#gen/souk/order/v1/order_pb.ts";
import { formatMoney } from "./format-money.ts";
import { type Html, html } from "./html.ts";

/**
 * What was ordered and what it costs, as plain text. It names neither the address nor the notes of
 * the customer: a mail may be read by others.
 */
export function orderSummaryText(order: Order): string {
  const rows = [
    ...order.lines.map((line) => `${line.quantity} × ${describeLine(line)}: ${price(line.total)}`),
    "",
    ...totals(order).map(([label, amount]) => `${label}: ${amount}`),
  ];
  return rows.join("\n");
}

/** The same as HTML. */
export function orderSummaryHtml(order: Order): Html {
  const lines = order.lines.map(
    (
      line,
    ) => html`<tr><td>${String(line.quantity)} ×</td><td>${describeLine(line)}</td>${amountCell(price(line.total))}</tr>
`,
  );
  const sums = totals(order).map(
    ([
      label,
      amount,
    ]) => html`<tr><th scope="row" colspan="2" style="text-align: left">${label}</th>${amountCell(amount)}</tr>
`,
  );
  return html`<table style="border-collapse: collapse; width: 100%">
${[...lines, ...sums]}</table>`;
}

function totals(order: Order): [label: string, amount: string][] {
  const { subtotal, shipping, total, taxIncluded, cancelled } = order;
  return [
    ["Subtotal", price(subtotal)],
    ["Shipping", price(shipping)],
    ["Total", price(total)],
    ...(cancelled !== undefined && cancelled.minor > 0n
      ? ([["Of that cancelled", price(cancelled)]] as [string, string][])
      : []),
    ["Tax included", price(taxIncluded)],
  ];
}

/** What a line is of: the title, and the options in brackets. */
export function describeLine({ title, optionValues }: OrderLine): string {
  return optionValues.length === 0 ? title : `${title} (${optionValues.join(", ")})`;
}

function price(amount: Money | undefined): string {
  if (amount === undefined) throw new Error("the order lacks an amount");
  return formatMoney(amount);
}

function amountCell(amount: string): Html {
  return html`<td style="text-align: right">${amount}</td>`;
}
