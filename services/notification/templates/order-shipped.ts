import { create } from "@bufbuild/protobuf";
import { type OrderShipped, OrderShippedSchema } from "#gen/souk/order/v1/events_pb.ts";
import { OrderState } from "#gen/souk/order/v1/order_pb.ts";
import type { Shipment } from "#gen/souk/order/v1/shipment_pb.ts";
import { notice } from "../wording/notice.ts";
import { type Block, NOTHING } from "../wording/placeholders.ts";
import { html } from "./html.ts";
import { orderPieces } from "./order-pieces.ts";
import { SAMPLE_SHIPMENT, sampleOrder } from "./samples.ts";
import { webLink } from "./web-link.ts";

/** Tells a customer that an order, or a part of it, is on its way. */
export const orderShipped = notice({
  placeholders: {
    number: "word",
    pieces: "block",
    tracking: "optional word",
    tracking_link: "optional block",
  },
  texts: {
    "order-shipped": shippedTexts("Order {{number}} is on its way", "Your order is on its way."),
    "order-partially-shipped": shippedTexts(
      "Part of order {{number}} is on its way",
      "A part of your order is on its way. The rest follows.",
    ),
  },
  read({ orderId, shipmentId, order }: OrderShipped) {
    const shipment = order?.shipments.find(({ id }) => id === shipmentId);
    if (order === undefined || shipment === undefined)
      throw new Error(`OrderShipped of ${orderId} lacks the order or its shipment`);
    const isPart = order.state === OrderState.PARTIALLY_SHIPPED;
    return {
      topic: isPart ? "order-partially-shipped" : "order-shipped",
      subjectId: orderId,
      values: {
        number: order.number,
        pieces: orderPieces(order, shipment.lines),
        tracking: trackedBy(shipment),
        tracking_link: trackingLink(shipment),
      },
    };
  },
  sample: (topic) =>
    create(OrderShippedSchema, {
      shipmentId: SAMPLE_SHIPMENT,
      order: sampleOrder(topic === "order-shipped" ? OrderState.SHIPPED : OrderState.PARTIALLY_SHIPPED),
    }),
});

function shippedTexts(subject: string, what: string) {
  return {
    email: { subject, body: `${what}\n\n{{pieces}}\n\n{{tracking}}\n\n{{tracking_link}}` },
    shop: { subject, body: `${what}\n\n{{tracking}}.` },
  };
}

/** Who carries it under which number; "" where that is not known. */
function trackedBy({ carrier, trackingNumber }: Shipment): string {
  if (trackingNumber === "") return carrier && `Carried by ${carrier}`;
  return carrier === "" ? `Tracking number ${trackingNumber}` : `${carrier} ${trackingNumber}`;
}

function trackingLink({ trackingUri }: Shipment): Block {
  return trackingUri === "" ? NOTHING : { text: trackingUri, html: html`<p>${webLink(trackingUri)}</p>` };
}
