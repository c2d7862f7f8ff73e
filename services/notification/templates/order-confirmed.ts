import type { OrderConfirmed } from "#gen/souk/order/v1/events_pb.ts";
import { html } from "./html.ts";
import { frameMail } from "./mail-frame.ts";
import type { Message, Shop } from "./message.ts";
import { orderSummaryHtml, orderSummaryText } from "./order-summary.ts";

/**
 * Tells a customer that an order is confirmed.
 *
 * @throws Error when the event lacks the order or one of its amounts
 */
export function orderConfirmed({ orderId, order }: OrderConfirmed, shop: Shop): Message {
  if (order === undefined) throw new Error(`OrderConfirmed of ${orderId} lacks the order`);
  const title = `Order ${order.number} is confirmed`;
  const thanks = "Thank you for your order. It is confirmed:";
  return {
    topic: "order-confirmed",
    title,
    body: "Thank you for your order. Your goods are set aside for you.",
    subjectId: orderId,
    mail: frameMail(
      shop,
      title,
      "",
      `${thanks}\n\n${orderSummaryText(order)}`,
      html`<p>${thanks}</p>\n${orderSummaryHtml(order)}`,
    ),
  };
}
