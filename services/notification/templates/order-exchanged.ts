import { create } from "@bufbuild/protobuf";
import { type OrderExchanged, OrderExchangedSchema } from "#gen/souk/order/v1/events_pb.ts";
import { notice } from "../wording/notice.ts";
import { formatDifference } from "./difference.ts";
import { orderSummary } from "./order-summary.ts";
import { sampleAmount, sampleOrder } from "./samples.ts";

/** Tells a customer that goods of an order are exchanged for others. */
export const orderExchanged = notice({
  placeholders: { number: "word", difference: "word", summary: "block" },
  texts: {
    "order-exchanged": {
      email: {
        subject: "Your goods are exchanged with order {{number}}",
        body: `This is what you get for the goods that you send back:

{{summary}}

The exchange costs you {{difference}}.`,
      },
      shop: {
        subject: "Your goods are exchanged with order {{number}}",
        body: "The exchange costs you {{difference}}.",
      },
    },
  },
  read({ orderId, replacement, difference }: OrderExchanged) {
    if (replacement === undefined) throw new Error(`OrderExchanged of ${orderId} lacks the new order`);
    return {
      topic: "order-exchanged",
      subjectId: orderId,
      values: {
        number: replacement.number,
        difference: formatDifference(difference),
        summary: orderSummary(replacement),
      },
    };
  },
  sample: () =>
    create(OrderExchangedSchema, { replacement: sampleOrder(), difference: sampleAmount(-1_250n) }),
});
