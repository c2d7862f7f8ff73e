import { uuidv7 } from "uuidv7";
import { Channel } from "#gen/souk/notification/v1/preference_pb.ts";
import type { NotificationTransaction } from "../database.ts";
import type { ChannelName } from "../entities.ts";
import { isOptional, isUnwanted } from "../preference/unwanted.ts";
import type { TopicName } from "../topics.ts";

/** Something that a user is told. */
export interface Told {
  readonly channel: ChannelName;
  /** The event that it tells of. */
  readonly eventId: string;
  readonly topic: TopicName;
  /** Empty for a guest. */
  readonly userId: string;
  readonly recipient: string;
}

/** Something to send to a user. */
export interface NewDelivery extends Told {
  /** What it says, in the form of its channel. */
  readonly content: object;
}

/**
 * Has something sent to a user, or notes that the user does not want it: it is stored with the end of the transaction
 * of the event, once, however often the event comes, and not at all for a user who was deleted. The bell of the database
 * tells the channel.
 *
 * @param tx the transaction of the event
 * @param delivery what to send
 */
export function storeDelivery(tx: NotificationTransaction, { content, ...told }: NewDelivery): void {
  insertDelivery(tx, told, JSON.stringify(content), "PENDING", (unwanted) => `not ${unwanted}`);
  tx.ring(told.channel);
  noteUnwanted(tx, told);
}

/**
 * Notes that something is not told where the user does not want it. As above, once.
 *
 * @param tx the transaction of the event
 * @param told what would be told
 */
export function noteUnwanted(tx: NotificationTransaction, told: Told): void {
  if (!isOptional(told.userId, told.topic, Channel[told.channel])) return;
  insertDelivery(tx, told, null, "SUPPRESSED", (unwanted) => unwanted);
}

function insertDelivery(
  tx: NotificationTransaction,
  { channel, eventId, topic, userId, recipient }: Told,
  content: string | null,
  state: "PENDING" | "SUPPRESSED",
  when: (unwanted: string) => string,
): void {
  const owner = userId === "" ? null : userId;
  tx.finishWith(
    (value) => `insert into delivery (id, event_id, channel, user_id, topic, recipient, content, state)
      select ${value(uuidv7())}::uuid, ${value(eventId)}::uuid, ${value(channel)}::text, ${value(owner)}::uuid,
        ${value(topic)}::text, ${value(recipient)}::text, ${value(content)}::jsonb, ${value(state)}::text
      where ${isKnown(value, owner, eventId)} and ${when(isUnwanted(value, userId, topic, Channel[channel]))}
      on conflict do nothing`,
  );
}

/** That a user was not deleted by another event than the one that is told. */
export function isKnown(value: (it: unknown) => string, userId: string | null, eventId: string): string {
  return `not exists (select from forgotten_user
    where user_id = ${value(userId)}::uuid and event_id <> ${value(eventId)}::uuid)`;
}
