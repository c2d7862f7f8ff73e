import { create } from "@bufbuild/protobuf";
import { type OrderConfirmed, OrderConfirmedSchema } from "#gen/souk/order/v1/events_pb.ts";
import { notice } from "../wording/notice.ts";
import { orderSummary } from "./order-summary.ts";
import { sampleOrder } from "./samples.ts";

/** Tells a customer that an order is confirmed. */
export const orderConfirmed = notice({
  placeholders: { number: "word", summary: "block" },
  texts: {
    "order-confirmed": {
      email: {
        subject: "Order {{number}} is confirmed",
        body: `Thank you for your order. It is confirmed:

{{summary}}`,
      },
      shop: {
        subject: "Order {{number}} is confirmed",
        body: "Thank you for your order. Your goods are set aside for you.",
      },
    },
  },
  read({ orderId, order }: OrderConfirmed) {
    if (order === undefined) throw new Error(`OrderConfirmed of ${orderId} lacks the order`);
    return {
      topic: "order-confirmed",
      subjectId: orderId,
      values: { number: order.number, summary: orderSummary(order) },
    };
  },
  sample: () => create(OrderConfirmedSchema, { order: sampleOrder() }),
});
