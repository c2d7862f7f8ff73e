import type { AccountRegistered } from "#gen/souk/auth/v1/events_pb.ts";
import { html } from "./html.ts";
import { frameMail } from "./mail-frame.ts";
import type { Message, Shop } from "./message.ts";

/** Greets a new user. */
export function welcome({ accountId, firstName }: AccountRegistered, shop: Shop): Message {
  const title = `Welcome to ${shop.name}`;
  const ready = "Your account is ready. Sign in with this e-mail address.";
  const stranger = "If you did not register, somebody else used your address; you need not do anything.";
  return {
    topic: "welcome",
    title,
    body: "Your account is ready. We are glad that you are here.",
    subjectId: accountId,
    mail: frameMail(
      shop,
      title,
      firstName,
      `${ready}\n\n${stranger}`,
      html`<p>${ready}</p>\n<p>${stranger}</p>`,
    ),
  };
}
