import { type Channel, ChannelSchema } from "#gen/souk/notification/v1/preference_pb.ts";
import { TOPICS, type Topic, type TopicName } from "../topics.ts";

/** The name under which it is kept that a user is not told a topic by a channel, for example "order-shipped/EMAIL". */
export function switchOf(topic: string, channel: Channel): string {
  return `${topic}/${ChannelSchema.value[channel]?.localName}`;
}

/** Whether somebody is told a topic by a channel only while they want it. */
export function isOptional(userId: string, topic: TopicName, channel: Channel): boolean {
  const { required }: Topic = TOPICS[topic];
  return userId !== "" && !required.includes(channel);
}

/**
 * That a user does not want to be told a topic by a channel, for a statement.
 *
 * @param value gives the placeholder of a value
 * @param userId empty for a guest, who is told everything
 */
export function isUnwanted(
  value: (it: unknown) => string,
  userId: string,
  topic: TopicName,
  channel: Channel,
): string {
  if (!isOptional(userId, topic, channel)) return "false";
  return `exists (select from preferences
    where user_id = ${value(userId)}::uuid and ${value(switchOf(topic, channel))}::text = any (switched_off))`;
}
