import type { OrderEdited } from "#gen/souk/order/v1/events_pb.ts";
import { tellDifference } from "./difference.ts";
import { html } from "./html.ts";
import { frameMail } from "./mail-frame.ts";
import type { Message, Shop } from "./message.ts";
import { orderSummaryHtml, orderSummaryText } from "./order-summary.ts";

/**
 * Tells a customer that an order was changed.
 *
 * @throws Error when the event lacks the order, one of its amounts or the difference
 */
export function orderEdited({ orderId, order, difference }: OrderEdited, shop: Shop): Message {
  if (order === undefined) throw new Error(`OrderEdited of ${orderId} lacks the order`);
  const title = `Order ${order.number} was changed`;
  const cost = tellDifference("The change", difference);
  const what = "This is your order now:";
  return {
    topic: "order-edited",
    title,
    body: cost,
    subjectId: orderId,
    mail: frameMail(
      shop,
      title,
      "",
      `Your order was changed. ${cost}\n\n${what}\n\n${orderSummaryText(order)}`,
      html`<p>Your order was changed. ${cost}</p>\n<p>${what}</p>\n${orderSummaryHtml(order)}`,
    ),
  };
}
