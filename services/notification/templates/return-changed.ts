import { create } from "@bufbuild/protobuf";
import { type ReturnChanged, ReturnChangedSchema } from "#gen/souk/order/v1/events_pb.ts";
import { ReturnState } from "#gen/souk/order/v1/return_pb.ts";
import { notice } from "../wording/notice.ts";
import { passage } from "../wording/placeholders.ts";
import { orderPieces } from "./order-pieces.ts";
import { SAMPLE_PIECES, sampleOrder } from "./samples.ts";

/** The states of a return that are told, by topic. */
const STATES = {
  "return-requested": ReturnState.REQUESTED,
  "return-approved": ReturnState.APPROVED,
  "return-rejected": ReturnState.REJECTED,
  "return-cancelled": ReturnState.CANCELLED,
  "return-received": ReturnState.RECEIVED,
} as const;

type ReturnTopic = keyof typeof STATES;

/** Tells a customer how far a return is. */
export const returnChanged = notice({
  placeholders: { number: "word", pieces: "block", message: "optional passage" },
  texts: {
    "return-requested": returnTexts(
      "was asked for",
      "We look at what you want to send back, and tell you. Please do not send it yet.",
    ),
    "return-approved": returnTexts("is approved", "You may send it back now.\n\n{{message}}"),
    "return-rejected": returnTexts("is refused", "We cannot take it back.\n\n{{message}}"),
    "return-cancelled": returnTexts("is withdrawn", "You need not send anything back."),
    "return-received": returnTexts("has arrived", "What you sent back is here. Thank you."),
  },
  read({ orderId, return: changed, order }: ReturnChanged) {
    if (order === undefined || changed === undefined)
      throw new Error(`ReturnChanged of ${orderId} lacks the order or the return`);
    const { id, state, instructions, rejectReason, lines } = changed;
    const topic = TOLD.find((it) => STATES[it] === state);
    if (topic === undefined) throw new Error(`return ${id} is in state ${state}, which tells nothing`);
    const wrote = { "return-approved": instructions, "return-rejected": rejectReason }[topic as string] ?? "";
    return {
      topic,
      subjectId: orderId,
      values: { number: order.number, pieces: orderPieces(order, lines), message: passage(wrote) },
    };
  },
  sample: (topic) =>
    create(ReturnChangedSchema, {
      order: sampleOrder(),
      return: {
        state: STATES[topic],
        lines: SAMPLE_PIECES,
        instructions: "Please pack it well.",
        rejectReason: "It was used.",
      },
    }),
});

const TOLD = Object.keys(STATES) as ReturnTopic[];

function returnTexts(is: string, what: string) {
  const subject = `Your return of order {{number}} ${is}`;
  return { email: { subject, body: `${what}\n\n{{pieces}}` }, shop: { subject, body: what } };
}
