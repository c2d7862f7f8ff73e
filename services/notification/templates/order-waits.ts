import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { OrderKeptWaiting } from "#gen/souk/order/v1/events_pb.ts";
import { html } from "./html.ts";
import { frameMail } from "./mail-frame.ts";
import type { Message, Shop } from "./message.ts";
import { orderSummaryHtml, orderSummaryText } from "./order-summary.ts";
import { formatEnd } from "./token-link.ts";
import { webLink } from "./web-link.ts";

/**
 * Reminds a customer to confirm the payment of an order that waits for it. Where to do that is told by mail alone.
 *
 * @throws Error when the event lacks the order, one of its amounts or until when it waits
 */
export function orderWaits(
  { orderId, order, confirmUri, expireTime }: OrderKeptWaiting,
  shop: Shop,
): Message {
  if (order === undefined || expireTime === undefined)
    throw new Error(`OrderKeptWaiting of ${orderId} lacks the order or its end`);
  const title = `Order ${order.number} waits for you to confirm the payment`;
  const end = formatEnd(timestampDate(expireTime));
  const ask = `Please confirm the payment by ${end}. Otherwise the order is cancelled, and you pay nothing.`;
  const where = confirmUri === "" ? "Go on where you ordered." : "Confirm it here:";
  const what = "This is what waits:";
  return {
    topic: "order-awaits-payment",
    title,
    body: ask,
    subjectId: orderId,
    mail: frameMail(
      shop,
      title,
      "",
      `${ask}\n\n${[where, confirmUri].join(" ").trim()}\n\n${what}\n\n${orderSummaryText(order)}`,
      html`<p>${ask}</p>\n<p>${where} ${webLink(confirmUri)}</p>\n<p>${what}</p>\n${orderSummaryHtml(order)}`,
    ),
  };
}
