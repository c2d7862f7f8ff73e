import { create } from "@bufbuild/protobuf";
import { type OrderRefunded, OrderRefundedSchema } from "#gen/souk/order/v1/events_pb.ts";
import { notice } from "../wording/notice.ts";
import { formatMoney } from "./format-money.ts";
import { orderPieces } from "./order-pieces.ts";
import { SAMPLE_PIECES, sampleAmount, sampleOrder } from "./samples.ts";

/** Tells a customer that money of an order is given back. */
export const orderRefunded = notice({
  placeholders: {
    number: "word",
    amount: "word",
    // The amount once more, where it goes the way that it came, or else to the store credit.
    paid_back: "optional word",
    credited: "optional word",
    pieces: "optional block",
    shipping: "optional word",
  },
  texts: {
    "order-refunded": {
      email: {
        subject: "You get {{amount}} back for order {{number}}",
        body: `We give {{paid_back}} back the way that you paid. It may take some days to arrive.

We have added {{credited}} to your store credit.

It is for:
{{pieces}}

Of it, {{shipping}} is for shipping.`,
      },
      shop: {
        subject: "You get {{amount}} back for order {{number}}",
        body: `We give {{paid_back}} back the way that you paid. It may take some days to arrive.

We have added {{credited}} to your store credit.`,
      },
    },
  },
  read({ orderId, refund, order }: OrderRefunded) {
    if (order === undefined || refund?.amount === undefined)
      throw new Error(`OrderRefunded of ${orderId} lacks the order, the refund or its amount`);
    const { toStoreCredit, lines, shipping } = refund;
    const amount = formatMoney(refund.amount);
    return {
      topic: "order-refunded",
      subjectId: orderId,
      values: {
        number: order.number,
        amount,
        paid_back: toStoreCredit ? "" : amount,
        credited: toStoreCredit ? amount : "",
        pieces: orderPieces(order, lines),
        shipping: shipping === undefined || shipping.minor === 0n ? "" : formatMoney(shipping),
      },
    };
  },
  sample: () =>
    create(OrderRefundedSchema, {
      order: sampleOrder(),
      refund: { amount: sampleAmount(5_390n), shipping: sampleAmount(490n), lines: SAMPLE_PIECES },
    }),
});
