import type { OrderExchanged } from "#gen/souk/order/v1/events_pb.ts";
import { tellDifference } from "./difference.ts";
import { html } from "./html.ts";
import { frameMail } from "./mail-frame.ts";
import type { Message, Shop } from "./message.ts";
import { orderSummaryHtml, orderSummaryText } from "./order-summary.ts";

/**
 * Tells a customer that goods of an order are exchanged for others.
 *
 * @throws Error when the event lacks the order of the others, one of its amounts or the difference
 */
export function orderExchanged({ orderId, replacement, difference }: OrderExchanged, shop: Shop): Message {
  if (replacement === undefined) throw new Error(`OrderExchanged of ${orderId} lacks the new order`);
  const title = `Your goods are exchanged with order ${replacement.number}`;
  const cost = tellDifference("The exchange", difference);
  const what = "This is what you get for the goods that you send back:";
  return {
    topic: "order-exchanged",
    title,
    body: cost,
    subjectId: orderId,
    mail: frameMail(
      shop,
      title,
      "",
      `${what}\n\n${orderSummaryText(replacement)}\n\n${cost}`,
      html`<p>${what}</p>\n${orderSummaryHtml(replacement)}\n<p>${cost}</p>`,
    ),
  };
}
