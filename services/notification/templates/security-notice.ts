import type { TopicName } from "../topics.ts";
import { html } from "./html.ts";
import { frameMail } from "./mail-frame.ts";
import type { Message, Shop } from "./message.ts";

/** What its owner is told when something about an account changed that a thief would change too. */
export interface SecurityNotice {
  readonly topic: TopicName;
  readonly title: string;
  /** What happened, in one sentence. */
  readonly what: string;
  readonly accountId: string;
}

/** Makes the message of a security notice. */
export function securityNotice({ topic, title, what, accountId }: SecurityNotice, shop: Shop): Message {
  const stranger = "If it was not you, set a new password now: ask for one on the page on which you sign in.";
  return {
    topic,
    title,
    body: `${what} ${stranger}`,
    subjectId: accountId,
    mail: frameMail(shop, title, "", `${what}\n\n${stranger}`, html`<p>${what}</p>\n<p>${stranger}</p>`),
  };
}
