import { uuidv7 } from "uuidv7";
import type { NotificationTransaction } from "./database.ts";
import type { MailContent, Message } from "./templates/message.ts";

/** Whom a message is for. */
export interface Recipient {
  /** Empty for a guest, who is told by mail alone. */
  readonly userId: string;
  /** Empty where it was erased: then nobody is there to be told. */
  readonly email: string;
}

/**
 * Tells a user of an event: the notification and the mail to send are stored with the end of the transaction of
 * the event. They are there once, however often the event comes, and not at all for a user who was deleted.
 *
 * @param tx the transaction of the event
 * @param eventId the event
 * @param mailDomain ends the Message-ID
 */
export function tellUser(
  tx: NotificationTransaction,
  eventId: string,
  recipient: Recipient,
  { topic, title, body, subjectId, mail }: Message,
  mailDomain: string,
): void {
  const { userId, email } = recipient;
  if (userId !== "" && email !== "") {
    tx.finishWith(
      (value) => `insert into notification (id, event_id, user_id, topic, title, body, subject_id)
        select ${value(uuidv7())}::uuid, ${value(eventId)}::uuid, ${value(userId)}::uuid, ${value(topic)}::text,
          ${value(title)}::text, ${value(body)}::text, ${value(subjectId)}::text
        where ${isKnown(value, userId, eventId)}
        on conflict (event_id) do nothing`,
    );
  }
  mailUser(tx, eventId, recipient, mail, mailDomain);
}

/**
 * Mails a user what is not for the shop to show, for example a token. As above, once.
 *
 * @param tx the transaction of the event
 * @param eventId the event
 * @param mailDomain ends the Message-ID
 */
export function mailUser(
  tx: NotificationTransaction,
  eventId: string,
  { userId, email }: Recipient,
  { subject, text, html }: MailContent,
  mailDomain: string,
): void {
  if (email === "") return;
  const messageId = `<${eventId}@${mailDomain}>`;
  const owner = userId === "" ? null : userId;
  tx.finishWith(
    (value) => `insert into mail (id, event_id, user_id, recipient, subject, text, html, message_id)
      select ${value(uuidv7())}::uuid, ${value(eventId)}::uuid, ${value(owner)}::uuid, ${value(email)}::text,
        ${value(subject)}::text, ${value(text)}::text, ${value(html)}::text, ${value(messageId)}::text
      where ${isKnown(value, owner, eventId)}
      on conflict (event_id) do nothing`,
  );
}

/** That a user was not deleted by another event than the one that is told. */
function isKnown(value: (it: unknown) => string, userId: string | null, eventId: string): string {
  return `not exists (select from forgotten_user
    where user_id = ${value(userId)}::uuid and event_id <> ${value(eventId)}::uuid)`;
}
