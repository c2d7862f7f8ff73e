import { create } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { type OrderKeptWaiting, OrderKeptWaitingSchema } from "#gen/souk/order/v1/events_pb.ts";
import { notice } from "../wording/notice.ts";
import type { Block } from "../wording/placeholders.ts";
import { html } from "./html.ts";
import { orderSummary } from "./order-summary.ts";
import { sampleEnd, sampleOrder } from "./samples.ts";
import { formatEnd } from "./token-link.ts";
import { webLink } from "./web-link.ts";

/** Reminds a customer to confirm the payment of an order that waits for it. Where to do that is told by mail alone. */
export const orderWaits = notice({
  placeholders: { number: "word", end: "word", confirm: "needed block", summary: "block" },
  texts: {
    "order-awaits-payment": {
      email: {
        subject: "Order {{number}} waits for you to confirm the payment",
        body: `Please confirm the payment by {{end}}. Otherwise the order is cancelled, and you pay nothing.

{{confirm}}

This is what waits:

{{summary}}`,
      },
      shop: {
        subject: "Order {{number}} waits for you to confirm the payment",
        body: "Please confirm the payment by {{end}}. Otherwise the order is cancelled, and you pay nothing.",
      },
    },
  },
  read({ orderId, order, confirmUri, expireTime }: OrderKeptWaiting) {
    if (order === undefined || expireTime === undefined)
      throw new Error(`OrderKeptWaiting of ${orderId} lacks the order or its end`);
    return {
      topic: "order-awaits-payment",
      subjectId: orderId,
      values: {
        number: order.number,
        end: formatEnd(timestampDate(expireTime)),
        confirm: whereToConfirm(confirmUri),
        summary: orderSummary(order),
      },
    };
  },
  sample: () =>
    create(OrderKeptWaitingSchema, {
      order: sampleOrder(),
      confirmUri: "https://payments.example/confirm",
      expireTime: sampleEnd(),
    }),
});

function whereToConfirm(uri: string): Block {
  if (uri === "") return { text: "Go on where you ordered.", html: html`<p>Go on where you ordered.</p>` };
  return { text: `Confirm it here: ${uri}`, html: html`<p>Confirm it here: ${webLink(uri)}</p>` };
}
