import type { Order } from "#gen/souk/order/v1/order_pb.ts";
import { type Html, html } from "./html.ts";
import { describeLine } from "./order-summary.ts";

/** A number of pieces of a line of an order. */
export interface Pieces {
  readonly lineId: string;
  readonly quantity: bigint;
}

/**
 * Some of what was ordered, as plain text: a row a line.
 *
 * @param order the order
 * @param pieces which of it
 * @throws Error when the order lacks one of the lines
 */
export function piecesText(order: Order, pieces: readonly Pieces[]): string {
  return rows(order, pieces).join("\n");
}

/** The same as HTML. */
export function piecesHtml(order: Order, pieces: readonly Pieces[]): Html {
  return html`<ul>
${rows(order, pieces).map((row) => html`<li>${row}</li>\n`)}</ul>`;
}

function rows({ lines, number }: Order, pieces: readonly Pieces[]): string[] {
  return pieces.map(({ lineId, quantity }) => {
    const line = lines.find(({ id }) => id === lineId);
    if (line === undefined) throw new Error(`order ${number} lacks line ${lineId}`);
    return `${quantity} × ${describeLine(line)}`;
  });
}
