import type { Channel } from "#gen/souk/notification/v1/preference_pb.ts";
import type { Shop } from "../templates/message.ts";
import type { TOPICS, TopicName } from "../topics.ts";
import type { Text } from "./parse-template.ts";
import type { Placeholders, Values } from "./placeholders.ts";

/** A channel for which there are texts. */
export type Way = "email" | "shop";

/** What an event says of one topic. */
export interface Facts<T extends TopicName = TopicName, P extends Placeholders = Placeholders> {
  readonly topic: T;
  /** What it refers to, for example the id of an order. */
  readonly subjectId: string;
  /** The recipient's given name, where it is known. */
  readonly firstName?: string;
  readonly values: Values<P>;
}

/** What the shop tells on a type of event: the texts that came with it, and what stands for their placeholders. */
export interface Notice<Event> {
  readonly placeholders: Placeholders;
  readonly texts: { readonly [T in TopicName]?: { readonly [W in Way]?: Text } };
  /** @throws Error when the event lacks what is to be told */
  read(event: Event, shop: Shop): Facts;
  /** An event as it might come, for previews. */
  sample(topic: TopicName): Event;
}

type WayOf<T extends TopicName> = typeof Channel.SHOP extends (typeof TOPICS)[T]["channels"][number]
  ? Way
  : "email";

/**
 * Defines what the shop tells on a type of event. Each topic has a text for each of its channels, and each placeholder
 * something that stands for it.
 *
 * @param definition the texts, by topic and channel, and how an event is read
 */
export function notice<Event, T extends TopicName, const P extends Placeholders>(definition: {
  readonly placeholders: P;
  readonly texts: { readonly [N in T]: { readonly [W in WayOf<N>]: Text } };
  read(event: Event, shop: Shop): Facts<NoInfer<T>, NoInfer<P>>;
  sample(topic: NoInfer<T>): NoInfer<Event>;
}): Notice<Event> {
  return definition as unknown as Notice<Event>;
}
