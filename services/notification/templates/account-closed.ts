import { html } from "./html.ts";
import { frameMail } from "./mail-frame.ts";
import type { MailContent, Shop } from "./message.ts";

/** Confirms to somebody that the account is closed. */
export function accountClosed(_: unknown, shop: Shop): MailContent {
  const subject = `Your account at ${shop.name} is closed`;
  const what = "Your account is closed, as you asked, and what we kept about you is erased.";
  const kept = "Invoices stay for as long as the law wants. This is the last mail that you get from us.";
  const stranger = "If it was not you who asked, write to us: the account cannot be had back.";
  return frameMail(
    shop,
    subject,
    "",
    `${what} ${kept}\n\n${stranger}`,
    html`<p>${what} ${kept}</p>\n<p>${stranger}</p>`,
  );
}
