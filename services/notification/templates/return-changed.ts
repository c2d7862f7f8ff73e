import type { ReturnChanged } from "#gen/souk/order/v1/events_pb.ts";
import { type Return, ReturnState } from "#gen/souk/order/v1/return_pb.ts";
import type { TopicName } from "../topics.ts";
import { html } from "./html.ts";
import { frameMail } from "./mail-frame.ts";
import type { Message, Shop } from "./message.ts";
import { piecesHtml, piecesText } from "./order-pieces.ts";
import { paragraphsOf } from "./paragraphs.ts";

/** How each state of a return reads. */
interface Words {
  readonly topic: TopicName;
  /** What the title says of the return. */
  readonly is: string;
  readonly what: string;
  /** What staff wrote to it; may be empty. */
  readonly wrote?: string;
}

/**
 * Tells a customer how far a return is.
 *
 * @throws Error when the event lacks the order or the return, or the return is in a state that nobody is told of
 */
export function returnChanged({ orderId, return: changed, order }: ReturnChanged, shop: Shop): Message {
  if (order === undefined || changed === undefined)
    throw new Error(`ReturnChanged of ${orderId} lacks the order or the return`);
  const { topic, is, what, wrote = "" } = wordsFor(changed);
  const title = `Your return of order ${order.number} ${is}`;
  const paragraphs = paragraphsOf(wrote);
  return {
    topic,
    title,
    body: [what, ...paragraphs].join(" "),
    subjectId: orderId,
    mail: frameMail(
      shop,
      title,
      "",
      [what, ...paragraphs, piecesText(order, changed.lines)].join("\n\n"),
      html`<p>${what}</p>${paragraphs.map((it) => html`\n<p>${it}</p>`)}\n${piecesHtml(order, changed.lines)}`,
    ),
  };
}

function wordsFor({ id, state, instructions, rejectReason }: Return): Words {
  switch (state) {
    case ReturnState.REQUESTED:
      return {
        topic: "return-requested",
        is: "was asked for",
        what: "We look at what you want to send back, and tell you. Please do not send it yet.",
      };
    case ReturnState.APPROVED:
      return {
        topic: "return-approved",
        is: "is approved",
        what: "You may send it back now.",
        wrote: instructions,
      };
    case ReturnState.REJECTED:
      return {
        topic: "return-rejected",
        is: "is refused",
        what: "We cannot take it back.",
        wrote: rejectReason,
      };
    case ReturnState.CANCELLED:
      return {
        topic: "return-cancelled",
        is: "is withdrawn",
        what: "You need not send anything back.",
      };
    case ReturnState.RECEIVED:
      return {
        topic: "return-received",
        is: "has arrived",
        what: "What you sent back is here. Thank you.",
      };
    default:
      throw new Error(`return ${id} is in state ${state}, which tells nothing`);
  }
}
