import type { Order } from "#gen/souk/order/v1/order_pb.ts";
import { type Block, NOTHING } from "../wording/placeholders.ts";
import { html } from "./html.ts";
import { describeLine } from "./order-summary.ts";

/** A number of pieces of a line of an order. */
export interface Pieces {
  readonly lineId: string;
  readonly quantity: bigint;
}

/**
 * Some of what was ordered, a row a line.
 *
 * @param order the order
 * @param pieces which of it
 * @throws Error when the order lacks one of the lines
 */
export function orderPieces(order: Order, pieces: readonly Pieces[]): Block {
  const listed = rows(order, pieces);
  if (listed.length === 0) return NOTHING;
  return { text: listed.join("\n"), html: html`<ul>\n${listed.map((row) => html`<li>${row}</li>\n`)}</ul>` };
}

function rows({ lines, number }: Order, pieces: readonly Pieces[]): string[] {
  return pieces.map(({ lineId, quantity }) => {
    const line = lines.find(({ id }) => id === lineId);
    if (line === undefined) throw new Error(`order ${number} lacks line ${lineId}`);
    return `${quantity} × ${describeLine(line)}`;
  });
}
