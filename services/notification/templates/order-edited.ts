import { create } from "@bufbuild/protobuf";
import { type OrderEdited, OrderEditedSchema } from "#gen/souk/order/v1/events_pb.ts";
import { notice } from "../wording/notice.ts";
import { formatDifference } from "./difference.ts";
import { orderSummary } from "./order-summary.ts";
import { sampleAmount, sampleOrder } from "./samples.ts";

/** Tells a customer that an order was changed. */
export const orderEdited = notice({
  placeholders: { number: "word", difference: "word", summary: "block" },
  texts: {
    "order-edited": {
      email: {
        subject: "Order {{number}} was changed",
        body: `Your order was changed. The change costs you {{difference}}.

This is your order now:

{{summary}}`,
      },
      shop: {
        subject: "Order {{number}} was changed",
        body: "The change costs you {{difference}}.",
      },
    },
  },
  read({ orderId, order, difference }: OrderEdited) {
    if (order === undefined) throw new Error(`OrderEdited of ${orderId} lacks the order`);
    return {
      topic: "order-edited",
      subjectId: orderId,
      values: {
        number: order.number,
        difference: formatDifference(difference),
        summary: orderSummary(order),
      },
    };
  },
  sample: () => create(OrderEditedSchema, { order: sampleOrder(), difference: sampleAmount(1_250n) }),
});
