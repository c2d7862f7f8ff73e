import type { OrderCancelled } from "#gen/souk/order/v1/events_pb.ts";
import { html } from "./html.ts";
import { frameMail } from "./mail-frame.ts";
import type { Message, Shop } from "./message.ts";
import { orderSummaryHtml, orderSummaryText } from "./order-summary.ts";

/**
 * Tells a customer that an order is cancelled.
 *
 * @throws Error when the event lacks the order or one of its amounts
 */
export function orderCancelled({ orderId, order }: OrderCancelled, shop: Shop): Message {
  if (order === undefined) throw new Error(`OrderCancelled of ${orderId} lacks the order`);
  const title = `Order ${order.number} is cancelled`;
  const released = "You pay nothing for it. Money that was set aside for it is free again.";
  const what = "This is what was cancelled:";
  return {
    topic: "order-cancelled",
    title,
    body: released,
    subjectId: orderId,
    mail: frameMail(
      shop,
      title,
      "",
      `Your order is cancelled. ${released}\n\n${what}\n\n${orderSummaryText(order)}`,
      html`<p>Your order is cancelled. ${released}</p>\n<p>${what}</p>\n${orderSummaryHtml(order)}`,
    ),
  };
}
