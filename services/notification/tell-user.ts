import { uuidv7 } from "uuidv7";
import { Channel } from "#gen/souk/notification/v1/preference_pb.ts";
import type { NotificationTransaction } from "./database.ts";
import { isKnown, noteUnwanted, storeDelivery } from "./delivery/store-delivery.ts";
import type { Letter } from "./mail/letter.ts";
import { isUnwanted } from "./preference/unwanted.ts";
import type { Message } from "./templates/message.ts";

/** Whom a message is for. */
export interface Recipient {
  /** Empty for a guest, who is told by mail alone. */
  readonly userId: string;
  /** Empty where it was erased: then nobody is there to be told. */
  readonly email: string;
}

/**
 * Tells a user of an event: the notification and the mail to send are stored with the end of the transaction of
 * the event. They are there once, however often the event comes, and not at all for a user who was deleted. What the
 * user does not want is noted as a delivery that is suppressed instead.
 *
 * @param tx the transaction of the event
 * @param eventId the event
 * @param mailDomain ends the Message-ID
 */
export function tellUser(
  tx: NotificationTransaction,
  eventId: string,
  recipient: Recipient,
  message: Message,
  mailDomain: string,
): void {
  const { userId, email } = recipient;
  const { topic, title, body, subjectId } = message;
  if (userId !== "" && email !== "") {
    tx.finishWith(
      (value) => `insert into notification (id, event_id, user_id, topic, title, body, subject_id)
        select ${value(uuidv7())}::uuid, ${value(eventId)}::uuid, ${value(userId)}::uuid, ${value(topic)}::text,
          ${value(title)}::text, ${value(body)}::text, ${value(subjectId)}::text
        where ${isKnown(value, userId, eventId)} and not ${isUnwanted(value, userId, topic, Channel.SHOP)}
        on conflict (event_id) do nothing`,
    );
    noteUnwanted(tx, { channel: "SHOP", eventId, topic, userId, recipient: "" });
    tx.ring(userId);
  }
  mailUser(tx, eventId, recipient, message, mailDomain);
}

/**
 * Mails a user what is not for the shop to show, for example a token. As above, once.
 *
 * @param tx the transaction of the event
 * @param eventId the event
 * @param message what it is about and says
 * @param mailDomain ends the Message-ID
 */
export function mailUser(
  tx: NotificationTransaction,
  eventId: string,
  { userId, email }: Recipient,
  { topic, mail }: Pick<Message, "topic" | "mail">,
  mailDomain: string,
): void {
  if (email === "") return;
  const { subject, text, html } = mail;
  const content: Letter = { subject, text, html, messageId: `<${eventId}@${mailDomain}>` };
  storeDelivery(tx, { channel: "EMAIL", eventId, topic, userId, recipient: email, content });
}
