import { type Html, html } from "./html.ts";
import type { MailContent, Shop } from "./message.ts";

/**
 * Frames what a mail says: greeting before, signature after.
 *
 * @param shop who writes
 * @param subject the subject line
 * @param firstName the recipient's given name; empty when it is not known
 * @param text the content as plain text
 * @param content the content as HTML
 */
export function frameMail(
  shop: Shop,
  subject: string,
  firstName: string,
  text: string,
  content: Html,
): MailContent {
  const greeting = greet(firstName);
  const page = html`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${subject}</title></head>
<body style="font: 16px/1.5 sans-serif; color: #222; max-width: 36em; margin: 2em auto; padding: 0 1em">
<p>${greeting}</p>
${content}
<p>${shop.name}</p>
</body>
</html>
`;
  return { subject, text: `${greeting}\n\n${text}\n\n${shop.name}\n`, html: page.html };
}

/** Letters, and what stands between the letters of a name: nothing that a mail program turns into a link. */
const NAME = /^\p{L}[\p{L}\p{M} '’-]{0,49}$/u;

/**
 * The name was typed by whoever registered, with an address that need not be theirs, so it must not
 * carry a message of its own.
 */
function greet(firstName: string): string {
  return NAME.test(firstName) ? `Hello ${firstName},` : "Hello,";
}
