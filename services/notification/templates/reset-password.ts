import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { PasswordResetRequested } from "#gen/souk/auth/v1/events_pb.ts";
import { html } from "./html.ts";
import { frameMail } from "./mail-frame.ts";
import type { MailContent, Shop } from "./message.ts";
import { formatEnd, tokenLink } from "./token-link.ts";

/**
 * Mails the token with which to set a new password.
 *
 * @throws Error when the event does not say until when it serves
 */
export function resetPassword(
  { accountId, token, expireTime }: PasswordResetRequested,
  shop: Shop,
): MailContent {
  if (expireTime === undefined) throw new Error(`PasswordResetRequested of ${accountId} has no end`);
  const link = tokenLink(shop, "reset-password", token);
  const how = `Set a new password here, until ${formatEnd(timestampDate(expireTime))}:`;
  const stranger = "If you did not ask for it, your password stays as it is and you need not do anything.";
  return frameMail(
    shop,
    `A new password for ${shop.name}`,
    "",
    `${how}\n\n${link.text}\n\n${stranger}`,
    html`<p>${how}</p>\n${link.html}\n<p>${stranger}</p>`,
  );
}
