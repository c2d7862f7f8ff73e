import { create } from "@bufbuild/protobuf";
import { type OrderConfirmed, OrderConfirmedSchema } from "#gen/souk/order/v1/events_pb.ts";
import type { Order } from "#gen/souk/order/v1/order_pb.ts";
import { notice } from "../wording/notice.ts";
import { describeLine, orderSummary } from "./order-summary.ts";
import { sampleOrder } from "./samples.ts";

/** Tells a customer that an order is confirmed. */
export const orderConfirmed = notice({
  placeholders: { number: "word", summary: "block", waiting: "optional word" },
  texts: {
    "order-confirmed": {
      email: {
        subject: "Order {{number}} is confirmed",
        body: `Thank you for your order. It is confirmed:

{{summary}}

Waits for new stock: {{waiting}}.`,
      },
      shop: {
        subject: "Order {{number}} is confirmed",
        body: `Thank you for your order. Your goods are set aside for you.

Waits for new stock: {{waiting}}.`,
      },
    },
  },
  read({ orderId, order }: OrderConfirmed) {
    if (order === undefined) throw new Error(`OrderConfirmed of ${orderId} lacks the order`);
    return {
      topic: "order-confirmed",
      subjectId: orderId,
      values: { number: order.number, summary: orderSummary(order), waiting: waitingOf(order) },
    };
  },
  sample() {
    const order = sampleOrder();
    for (const line of order.lines.slice(1)) line.backOrder = true;
    return create(OrderConfirmedSchema, { order });
  },
});

/** What is yet to come into stock; "" where all of it is there. */
function waitingOf({ lines }: Order): string {
  const waiting = lines.filter(({ backOrder }) => backOrder);
  return [...new Set(waiting.map(describeLine))].join(", ");
}
