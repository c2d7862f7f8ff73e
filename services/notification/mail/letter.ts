import type { MailContent } from "../templates/message.ts";

/** What a delivery by e-mail says. */
export interface Letter extends MailContent {
  /** The Message-ID header (RFC 5322, 3.6.4), made of the event's id: it stays the same at each attempt. */
  readonly messageId: string;
}
