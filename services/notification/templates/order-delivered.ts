import type { OrderDelivered } from "#gen/souk/order/v1/events_pb.ts";
import { OrderState } from "#gen/souk/order/v1/order_pb.ts";
import { html } from "./html.ts";
import { frameMail } from "./mail-frame.ts";
import type { Message, Shop } from "./message.ts";
import { piecesHtml, piecesText } from "./order-pieces.ts";

/**
 * Tells a customer that an order, or a part of it, has arrived.
 *
 * @throws Error when the event lacks the order or its shipment
 */
export function orderDelivered({ orderId, shipmentId, order }: OrderDelivered, shop: Shop): Message {
  const shipment = order?.shipments.find(({ id }) => id === shipmentId);
  if (order === undefined || shipment === undefined)
    throw new Error(`OrderDelivered of ${orderId} lacks the order or its shipment`);
  const isAll = order.state === OrderState.DELIVERED;
  const title = isAll ? `Order ${order.number} has arrived` : `Part of order ${order.number} has arrived`;
  const what = isAll ? "Your order has arrived." : "A part of your order has arrived.";
  const missing = "If you cannot find it, tell us.";
  return {
    topic: isAll ? "order-delivered" : "order-partially-delivered",
    title,
    body: `${what} ${missing}`,
    subjectId: orderId,
    mail: frameMail(
      shop,
      title,
      "",
      `${what}\n\n${piecesText(order, shipment.lines)}\n\n${missing}`,
      html`<p>${what}</p>\n${piecesHtml(order, shipment.lines)}\n<p>${missing}</p>`,
    ),
  };
}
