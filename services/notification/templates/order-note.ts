import type { OrderNoteAdded } from "#gen/souk/order/v1/events_pb.ts";
import { html } from "./html.ts";
import { frameMail } from "./mail-frame.ts";
import type { Message, Shop } from "./message.ts";
import { paragraphsOf } from "./paragraphs.ts";

/** Tells a customer what staff wrote to an order. */
export function orderNote({ orderId, orderNumber, text }: OrderNoteAdded, shop: Shop): Message {
  const title = `A message about order ${orderNumber}`;
  const wrote = paragraphsOf(text);
  return {
    topic: "order-note",
    title,
    body: wrote.join(" "),
    subjectId: orderId,
    mail: frameMail(
      shop,
      title,
      "",
      ["We wrote to your order:", ...wrote].join("\n\n"),
      html`<p>We wrote to your order:</p>${wrote.map((it) => html`\n<p>${it}</p>`)}`,
    ),
  };
}
