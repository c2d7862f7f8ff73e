import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { EmailVerificationRequested } from "#gen/souk/auth/v1/events_pb.ts";
import { html } from "./html.ts";
import { frameMail } from "./mail-frame.ts";
import type { MailContent, Shop } from "./message.ts";
import { formatEnd, tokenLink } from "./token-link.ts";

/**
 * Mails the token that confirms an e-mail address.
 *
 * @throws Error when the event does not say until when it serves
 */
export function verifyEmail(
  { accountId, token, expireTime }: EmailVerificationRequested,
  shop: Shop,
): MailContent {
  if (expireTime === undefined) throw new Error(`EmailVerificationRequested of ${accountId} has no end`);
  const link = tokenLink(shop, "verify-email", token);
  const ask = `Please confirm that this is your e-mail address, until ${formatEnd(timestampDate(expireTime))}:`;
  const stranger =
    "If you have no account with us, somebody else used your address; you need not do anything.";
  return frameMail(
    shop,
    `Confirm your e-mail address for ${shop.name}`,
    "",
    `${ask}\n\n${link.text}\n\n${stranger}`,
    html`<p>${ask}</p>\n${link.html}\n<p>${stranger}</p>`,
  );
}
