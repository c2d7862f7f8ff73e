import { type Channel, ChannelSchema } from "#gen/souk/notification/v1/preference_pb.ts";
import { MeshReason, refuseMesh } from "#kit/error.ts";
import { ErrorReason, refuse } from "../errors.ts";
import { TOPICS, type Topic } from "../topics.ts";

/** Whether a user wants to be told a topic by a channel. */
export interface Wish {
  readonly topic: string;
  readonly channel: Channel;
  readonly enabled: boolean;
}

const topics: ReadonlyMap<string, Topic> = new Map(Object.entries(TOPICS));

/**
 * Checks what a user wants to be told.
 *
 * @param wishes as they stand in the field "preferences" of a request
 * @throws SoukError TOPIC_NOT_FOUND, PREFERENCE_REQUIRED or INVALID_REQUEST, whichever comes first, with all that cannot
 *   be
 */
export function checkWishes(wishes: readonly Wish[]): void {
  const problems = wishes.flatMap((wish, index) => problemOf(wish, index, wishes) ?? []);
  const [first] = problems;
  if (first === undefined) return;
  const violations = problems.map(({ field, description }) => ({ field, description }));
  const message = violations.map(({ field, description }) => `${field}: ${description}`).join("; ");
  if (first.reason === undefined) throw refuseMesh(MeshReason.INVALID_REQUEST, message, { violations });
  const metadata = { topic: first.wish.topic, channel: nameOf(first.wish.channel) };
  throw refuse(first.reason, message, { violations, metadata });
}

/** What is wrong with a wish. */
interface Problem {
  readonly wish: Wish;
  readonly field: string;
  readonly description: string;
  readonly reason?: ErrorReason;
}

function problemOf(wish: Wish, index: number, wishes: readonly Wish[]): Problem | undefined {
  const { topic: name, channel, enabled } = wish;
  const path = `preferences[${index}]`;
  const by = nameOf(channel);
  const first = wishes.findIndex((it) => it.topic === name && it.channel === channel);
  if (first < index) {
    const description = `repeats preferences[${first}]; name a topic and channel once`;
    return { wish, field: path, description };
  }
  const topic = topics.get(name);
  if (topic === undefined) {
    const description = `there is no topic ${name}; the preferences as they are name all of them`;
    return { wish, field: `${path}.topic`, description, reason: ErrorReason.TOPIC_NOT_FOUND };
  }
  if (!topic.channels.includes(channel)) {
    const description = `${name} is not told by ${by}; it is by ${topic.channels.map(nameOf).join(" and ")}`;
    return { wish, field: `${path}.channel`, description, reason: ErrorReason.TOPIC_NOT_FOUND };
  }
  if (!enabled && topic.required.includes(channel)) {
    const description = `${name} must be told by ${by}; leave it on`;
    return { wish, field: `${path}.enabled`, description, reason: ErrorReason.PREFERENCE_REQUIRED };
  }
  return undefined;
}

function nameOf(channel: Channel): string {
  return ChannelSchema.value[channel]?.name ?? String(channel);
}
