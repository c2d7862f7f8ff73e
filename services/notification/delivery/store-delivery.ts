import { uuidv7 } from "uuidv7";
import type { NotificationTransaction } from "../database.ts";
import type { ChannelName } from "../entities.ts";

/** Something to send to a user. */
export interface NewDelivery {
  readonly channel: ChannelName;
  /** The event that it tells of. */
  readonly eventId: string;
  readonly topic: string;
  /** Empty for a guest. */
  readonly userId: string;
  readonly recipient: string;
  /** What it says, in the form of its channel; undefined where it is not sent, because the user does not want it. */
  readonly content: object | undefined;
}

/**
 * Has something sent to a user, or noted that it is not: it is stored with the end of the transaction of the event,
 * once, however often the event comes, and not at all for a user who was deleted. The bell of the database tells the
 * channel.
 *
 * @param tx the transaction of the event
 * @param delivery what to send
 */
export function storeDelivery(tx: NotificationTransaction, delivery: NewDelivery): void {
  const { channel, eventId, topic, userId, recipient, content } = delivery;
  const owner = userId === "" ? null : userId;
  const said = content === undefined ? null : JSON.stringify(content);
  const state = content === undefined ? "SUPPRESSED" : "PENDING";
  if (content !== undefined) tx.ring(channel);
  tx.finishWith(
    (value) => `insert into delivery (id, event_id, channel, user_id, topic, recipient, content, state)
      select ${value(uuidv7())}::uuid, ${value(eventId)}::uuid, ${value(channel)}::text, ${value(owner)}::uuid,
        ${value(topic)}::text, ${value(recipient)}::text, ${value(said)}::jsonb, ${value(state)}::text
      where ${isKnown(value, owner, eventId)}
      on conflict do nothing`,
  );
}

/** That a user was not deleted by another event than the one that is told. */
export function isKnown(value: (it: unknown) => string, userId: string | null, eventId: string): string {
  return `not exists (select from forgotten_user
    where user_id = ${value(userId)}::uuid and event_id <> ${value(eventId)}::uuid)`;
}
