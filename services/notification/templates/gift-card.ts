import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { GiftCardIssued } from "#gen/souk/payment/v1/events_pb.ts";
import { formatMoney } from "./format-money.ts";
import { html } from "./html.ts";
import { frameMail } from "./mail-frame.ts";
import type { MailContent, Shop } from "./message.ts";
import { paragraphsOf } from "./paragraphs.ts";
import { formatEnd } from "./token-link.ts";

/**
 * Mails a gift card to whom it is for.
 *
 * @throws Error when the event does not say what the card is worth
 */
export function giftCard(
  { giftCardId, code, amount, message, expireTime }: GiftCardIssued,
  shop: Shop,
): MailContent {
  if (amount === undefined) throw new Error(`GiftCardIssued of ${giftCardId} lacks the amount`);
  const what = `This is a gift card for ${shop.name}, worth ${formatMoney(amount)}. Its code is:`;
  const until = expireTime === undefined ? "" : ` until ${formatEnd(timestampDate(expireTime))}`;
  const how = `Enter it when you order${until}. Keep it like money: whoever has the code can pay with it.`;
  const wrote = paragraphsOf(message);
  return frameMail(
    shop,
    `A gift card for ${shop.name}`,
    "",
    [...wrote, what, code, how].join("\n\n"),
    html`${wrote.map((it) => html`<p>${it}</p>\n`)}<p>${what}</p>\n<p><code>${code}</code></p>\n<p>${how}</p>`,
  );
}
