import { create } from "@bufbuild/protobuf";
import { type OrderCancelled, OrderCancelledSchema } from "#gen/souk/order/v1/events_pb.ts";
import { notice } from "../wording/notice.ts";
import { orderSummary } from "./order-summary.ts";
import { sampleOrder } from "./samples.ts";

/** Tells a customer that an order is cancelled. */
export const orderCancelled = notice({
  placeholders: { number: "word", summary: "block" },
  texts: {
    "order-cancelled": {
      email: {
        subject: "Order {{number}} is cancelled",
        body: `Your order is cancelled. You pay nothing for it. Money that was set aside for it is free again.

This is what was cancelled:

{{summary}}`,
      },
      shop: {
        subject: "Order {{number}} is cancelled",
        body: "You pay nothing for it. Money that was set aside for it is free again.",
      },
    },
  },
  read({ orderId, order }: OrderCancelled) {
    if (order === undefined) throw new Error(`OrderCancelled of ${orderId} lacks the order`);
    return {
      topic: "order-cancelled",
      subjectId: orderId,
      values: { number: order.number, summary: orderSummary(order) },
    };
  },
  sample: () => create(OrderCancelledSchema, { order: sampleOrder() }),
});
