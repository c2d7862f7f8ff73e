import type { OrderShipped } from "#gen/souk/order/v1/events_pb.ts";
import { OrderState } from "#gen/souk/order/v1/order_pb.ts";
import type { Shipment } from "#gen/souk/order/v1/shipment_pb.ts";
import { type Html, html } from "./html.ts";
import { frameMail } from "./mail-frame.ts";
import type { Message, Shop } from "./message.ts";
import { piecesHtml, piecesText } from "./order-pieces.ts";
import { webLink } from "./web-link.ts";

/**
 * Tells a customer that an order, or a part of it, is on its way.
 *
 * @throws Error when the event lacks the order or its shipment
 */
export function orderShipped({ orderId, shipmentId, order }: OrderShipped, shop: Shop): Message {
  const shipment = order?.shipments.find(({ id }) => id === shipmentId);
  if (order === undefined || shipment === undefined)
    throw new Error(`OrderShipped of ${orderId} lacks the order or its shipment`);
  const isPart = order.state === OrderState.PARTIALLY_SHIPPED;
  const title = isPart
    ? `Part of order ${order.number} is on its way`
    : `Order ${order.number} is on its way`;
  const what = isPart ? "A part of your order is on its way. The rest follows." : "Your order is on its way.";
  const carried = carriedBy(shipment);
  const tracking = [carried, shipment.trackingUri].filter((it) => it !== "");
  return {
    topic: isPart ? "order-partially-shipped" : "order-shipped",
    title,
    body: carried === "" ? what : `${what} ${carried}.`,
    subjectId: orderId,
    mail: frameMail(
      shop,
      title,
      "",
      [what, piecesText(order, shipment.lines), ...tracking].join("\n\n"),
      html`<p>${what}</p>\n${piecesHtml(order, shipment.lines)}${trackingHtml(carried, shipment)}`,
    ),
  };
}

/** Who carries it under which number; "" where that is not known. */
function carriedBy({ carrier, trackingNumber }: Shipment): string {
  if (trackingNumber === "") return carrier && `Carried by ${carrier}`;
  return carrier === "" ? `Tracking number ${trackingNumber}` : `${carrier} ${trackingNumber}`;
}

function trackingHtml(carried: string, { trackingUri }: Shipment): Html {
  const number = carried === "" ? html`` : html`\n<p>${carried}</p>`;
  if (trackingUri === "") return number;
  return html`${number}\n<p>${webLink(trackingUri)}</p>`;
}
