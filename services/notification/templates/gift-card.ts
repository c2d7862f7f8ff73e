import { create } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { type GiftCardIssued, GiftCardIssuedSchema } from "#gen/souk/payment/v1/events_pb.ts";
import { notice } from "../wording/notice.ts";
import { passage } from "../wording/placeholders.ts";
import { formatMoney } from "./format-money.ts";
import { html } from "./html.ts";
import { sampleAmount, sampleEnd } from "./samples.ts";
import { formatEnd } from "./token-link.ts";

/** Mails a gift card to whom it is for. */
export const giftCard = notice({
  placeholders: {
    message: "optional passage",
    amount: "word",
    code: "needed block",
    end: "optional word",
  },
  texts: {
    "gift-card": {
      email: {
        subject: "A gift card for {{shop}}",
        body: `{{message}}

This is a gift card for {{shop}}, worth {{amount}}. Its code is:

{{code}}

Enter it when you order. Keep it like money: whoever has the code can pay with it.

It is good until {{end}}.`,
      },
    },
  },
  read({ giftCardId, code, amount, message, expireTime }: GiftCardIssued) {
    if (amount === undefined) throw new Error(`GiftCardIssued of ${giftCardId} lacks the amount`);
    return {
      topic: "gift-card",
      subjectId: giftCardId,
      values: {
        message: passage(message),
        amount: formatMoney(amount),
        code: { text: code, html: html`<p><code>${code}</code></p>` },
        end: expireTime === undefined ? "" : formatEnd(timestampDate(expireTime)),
      },
    };
  },
  sample: () =>
    create(GiftCardIssuedSchema, {
      code: "GIFT-CARD-CODE",
      amount: sampleAmount(5_000n),
      message: "Happy birthday!",
      expireTime: sampleEnd(),
    }),
});
