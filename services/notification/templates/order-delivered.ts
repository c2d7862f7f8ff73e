import { create } from "@bufbuild/protobuf";
import { type OrderDelivered, OrderDeliveredSchema } from "#gen/souk/order/v1/events_pb.ts";
import { OrderState } from "#gen/souk/order/v1/order_pb.ts";
import { notice } from "../wording/notice.ts";
import { orderPieces } from "./order-pieces.ts";
import { SAMPLE_SHIPMENT, sampleOrder } from "./samples.ts";

/** Tells a customer that an order, or a part of it, has arrived. */
export const orderDelivered = notice({
  placeholders: { number: "word", pieces: "block" },
  texts: {
    "order-delivered": deliveredTexts("Order {{number}} has arrived", "Your order has arrived."),
    "order-partially-delivered": deliveredTexts(
      "Part of order {{number}} has arrived",
      "A part of your order has arrived.",
    ),
  },
  read({ orderId, shipmentId, order }: OrderDelivered) {
    const shipment = order?.shipments.find(({ id }) => id === shipmentId);
    if (order === undefined || shipment === undefined)
      throw new Error(`OrderDelivered of ${orderId} lacks the order or its shipment`);
    return {
      topic: order.state === OrderState.DELIVERED ? "order-delivered" : "order-partially-delivered",
      subjectId: orderId,
      values: { number: order.number, pieces: orderPieces(order, shipment.lines) },
    };
  },
  sample: (topic) =>
    create(OrderDeliveredSchema, {
      shipmentId: SAMPLE_SHIPMENT,
      order: sampleOrder(topic === "order-delivered" ? OrderState.DELIVERED : OrderState.SHIPPED),
    }),
});

function deliveredTexts(subject: string, what: string) {
  const missing = "If you cannot find it, tell us.";
  return {
    email: { subject, body: `${what}\n\n{{pieces}}\n\n${missing}` },
    shop: { subject, body: `${what} ${missing}` },
  };
}
