import { uuidv7 } from "uuidv7";
import type { NotificationTransaction } from "./database.ts";
import type { MailContent, Message } from "./templates/message.ts";

/** Whom a message is for. */
export interface Recipient {
  /** Empty for a guest, who is told by mail alone. */
  readonly userId: string;
  readonly email: string;
}

/**
 * Tells a user of an event: the notification and the mail to send are stored with the end of the transaction of
 * the event. They are there once, however often the event comes.
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
  const { userId } = recipient;
  if (userId !== "") {
    const row = {
      id: uuidv7(),
      event_id: eventId,
      user_id: userId,
      topic,
      title,
      body,
      subject_id: subjectId,
    };
    tx.finishWith(
      tx.sql
        .insertInto("notification")
        .values(row)
        .onConflict((conflict) => conflict.column("event_id").doNothing())
        .compile(),
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
  { email }: Recipient,
  mail: MailContent,
  mailDomain: string,
): void {
  const messageId = `<${eventId}@${mailDomain}>`;
  tx.finishWith(
    tx.sql
      .insertInto("mail")
      .values({ id: uuidv7(), event_id: eventId, recipient: email, message_id: messageId, ...mail })
      .onConflict((conflict) => conflict.column("event_id").doNothing())
      .compile(),
  );
}
