import type { OrderRefunded } from "#gen/souk/order/v1/events_pb.ts";
import type { Refund } from "#gen/souk/order/v1/refund_pb.ts";
import { formatMoney } from "./format-money.ts";
import { type Html, html } from "./html.ts";
import { frameMail } from "./mail-frame.ts";
import type { Message, Shop } from "./message.ts";
import { piecesHtml, piecesText } from "./order-pieces.ts";

/**
 * Tells a customer that money of an order is given back.
 *
 * @throws Error when the event lacks the order, the refund or its amount
 */
export function orderRefunded({ orderId, refund, order }: OrderRefunded, shop: Shop): Message {
  if (order === undefined || refund?.amount === undefined)
    throw new Error(`OrderRefunded of ${orderId} lacks the order, the refund or its amount`);
  const amount = formatMoney(refund.amount);
  const title = `You get ${amount} back for order ${order.number}`;
  const how = refund.toStoreCredit
    ? `We have added ${amount} to your store credit.`
    : `We give ${amount} back the way that you paid. It may take some days to arrive.`;
  const hasLines = refund.lines.length > 0;
  const text = hasLines ? [how, "It is for:", piecesText(order, refund.lines)] : [how];
  const list: Html = hasLines ? html`\n<p>It is for:</p>\n${piecesHtml(order, refund.lines)}` : html``;
  return {
    topic: "order-refunded",
    title,
    body: how,
    subjectId: orderId,
    mail: frameMail(
      shop,
      title,
      "",
      [...text, ...shippingToo(refund)].join("\n\n"),
      html`<p>${how}</p>${list}${shippingToo(refund).map((it) => html`\n<p>${it}</p>`)}`,
    ),
  };
}

function shippingToo({ shipping }: Refund): string[] {
  return shipping === undefined || shipping.minor === 0n
    ? []
    : [`Of it, ${formatMoney(shipping)} is for shipping.`];
}
