import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import type { Order, OrderLine } from "#gen/souk/order/v1/order_pb.ts";
import { sum, times } from "#kit/money.ts";
import type { Block } from "../wording/placeholders.ts";
import { formatMoney } from "./format-money.ts";
import { type Html, html } from "./html.ts";

/**
 * What was ordered and what it costs. It names neither the address nor the notes of the customer: a mail may be
 * read by others.
 *
 * @throws Error when the order lacks one of its amounts
 */
export function orderSummary(order: Order): Block {
  return { text: summaryText(order), html: summaryHtml(order) };
}

function summaryText(order: Order): string {
  const rows = [
    ...order.lines.map((line) => `${line.quantity} × ${describeLine(line)}: ${formatMoney(goodsOf(line))}`),
    "",
    ...totals(order).map(([label, amount]) => `${label}: ${formatMoney(amount)}`),
  ];
  return rows.join("\n");
}

function summaryHtml(order: Order): Html {
  const lines = order.lines.map(
    (
      line,
    ) => html`<tr><td>${String(line.quantity)} ×</td><td>${describeLine(line)}</td>${amountCell(goodsOf(line))}</tr>
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

/** How the lines come to the total, and what of it is tax. */
function totals(order: Order): [label: string, amount: Money][] {
  const total = given(order.total);
  const parts: [label: string, amount: Money][] = [
    ["Subtotal", given(order.subtotal)],
    ...order.discounts
      .map(({ displayName, amount }): [string, Money] => [displayName, times(given(amount), -1n)])
      .filter(([, amount]) => amount.minor !== 0n),
    ["Shipping", given(order.shipping)],
    ...order.taxes
      .filter(({ included, reverseCharge }) => !included && !reverseCharge)
      .map(({ displayName, amount }): [string, Money] => [displayName, given(amount)]),
  ];
  const listed = sum(
    parts.map(([, amount]) => amount),
    total.currency,
  );
  // A company that owes the tax itself does not pay what prices contain of it.
  const relief = sum([total, times(listed, -1n)], total.currency);
  if (relief.minor !== 0n) parts.push(["Tax that you owe yourself", relief]);
  parts.push(["Total", total]);
  if (order.cancelled !== undefined && order.cancelled.minor > 0n)
    parts.push(["Of that cancelled", order.cancelled]);
  const tax = given(order.taxIncluded);
  if (tax.minor > 0n) parts.push(["Tax included", tax]);
  return parts;
}

/** What a line is of: the title, and the options in brackets. */
export function describeLine({ title, optionValues }: OrderLine): string {
  return optionValues.length === 0 ? title : `${title} (${optionValues.join(", ")})`;
}

/** What the pieces of a line cost, before discounts and taxes that come on top. */
function goodsOf({ unitPrice, quantity }: OrderLine): Money {
  return times(given(unitPrice), quantity);
}

function given(amount: Money | undefined): Money {
  if (amount === undefined) throw new Error("the order lacks an amount");
  return amount;
}

function amountCell(amount: Money): Html {
  return html`<td style="text-align: right">${formatMoney(amount)}</td>`;
}
