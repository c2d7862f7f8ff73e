import { create } from "@bufbuild/protobuf";
import { type OrderNoteAdded, OrderNoteAddedSchema } from "#gen/souk/order/v1/events_pb.ts";
import { notice } from "../wording/notice.ts";
import { passage } from "../wording/placeholders.ts";

/** Tells a customer what staff wrote to an order. */
export const orderNote = notice({
  placeholders: { number: "word", message: "needed passage" },
  texts: {
    "order-note": {
      email: {
        subject: "A message about order {{number}}",
        body: `We wrote to your order:

{{message}}`,
      },
      shop: { subject: "A message about order {{number}}", body: "{{message}}" },
    },
  },
  read: ({ orderId, orderNumber, text }: OrderNoteAdded) => ({
    topic: "order-note",
    subjectId: orderId,
    values: { number: orderNumber, message: passage(text) },
  }),
  sample: () =>
    create(OrderNoteAddedSchema, {
      orderNumber: "7K3MW-9QXD2",
      text: "Your lamp takes a day longer.\nThank you for your patience.",
    }),
});
