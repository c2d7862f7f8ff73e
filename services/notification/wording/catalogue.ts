import { createHash } from "node:crypto";
import { Channel } from "#gen/souk/notification/v1/preference_pb.ts";
import { accountClosed } from "../templates/account-closed.ts";
import {
  identityLinked,
  passwordChanged,
  refreshTokenReused,
  secondFactorChanged,
} from "../templates/account-notices.ts";
import { giftCard } from "../templates/gift-card.ts";
import { orderCancelled } from "../templates/order-cancelled.ts";
import { orderConfirmed } from "../templates/order-confirmed.ts";
import { orderDelivered } from "../templates/order-delivered.ts";
import { orderEdited } from "../templates/order-edited.ts";
import { orderExchanged } from "../templates/order-exchanged.ts";
import { orderNote } from "../templates/order-note.ts";
import { orderRefunded } from "../templates/order-refunded.ts";
import { orderShipped } from "../templates/order-shipped.ts";
import { orderWaits } from "../templates/order-waits.ts";
import { resetPassword } from "../templates/reset-password.ts";
import { returnChanged } from "../templates/return-changed.ts";
import { verifyEmail } from "../templates/verify-email.ts";
import { welcome } from "../templates/welcome.ts";
import type { TopicName } from "../topics.ts";
import type { Notice, Way } from "./notice.ts";
import { parseTemplate, type Template, type Text } from "./parse-template.ts";
import type { Placeholders } from "./placeholders.ts";
import { templateId } from "./template-id.ts";

/** A text as it came with the shop. */
export interface ShopTemplate {
  readonly id: string;
  readonly topic: TopicName;
  readonly way: Way;
  /** Its language as a BCP 47 tag. */
  readonly locale: string;
  readonly placeholders: Placeholders;
  readonly text: Text;
  readonly template: Template;
  /** Changes where a release brings another text. */
  readonly etag: string;
  readonly notice: Notice<unknown>;
}

/** The language of the texts that come with the shop. */
const LOCALE = "en";

/** The channel of each way, as the contract knows it. */
export const CHANNELS = { shop: Channel.SHOP, email: Channel.EMAIL } as const;

const notices: readonly Notice<unknown>[] = [
  welcome,
  verifyEmail,
  resetPassword,
  accountClosed,
  passwordChanged,
  secondFactorChanged,
  identityLinked,
  refreshTokenReused,
  orderWaits,
  orderConfirmed,
  orderCancelled,
  orderEdited,
  orderExchanged,
  orderShipped,
  orderDelivered,
  orderRefunded,
  returnChanged,
  orderNote,
  giftCard,
];

/** Every text that comes with the shop, in the order of topic, channel and language. */
export const catalogue: readonly ShopTemplate[] = notices
  .flatMap(templatesOf)
  .sort((one, other) => compare(placeOf(one), placeOf(other)));

const byId = new Map(catalogue.map((it) => [it.id, it]));
const byUse = new Map(catalogue.map((it) => [`${it.topic}/${it.way}`, it]));

/** The template with an id; undefined where there is none. */
export function findById(id: string): ShopTemplate | undefined {
  return byId.get(id);
}

/**
 * The template of a topic for a channel.
 *
 * @throws Error when the topic is not told there
 */
export function findByUse(topic: TopicName, way: Way): ShopTemplate {
  const found = byUse.get(`${topic}/${way}`);
  if (found === undefined) throw new Error(`there is no text for ${topic} by ${way}`);
  return found;
}

/** Where a template stands in lists; texts are compared part by part. */
export function placeOf({ topic, way, locale }: ShopTemplate): [string, string, string] {
  return [topic, `${CHANNELS[way]}`, locale];
}

/** Below 0 when one place comes before the other. */
export function compare(one: readonly string[], other: readonly string[]): number {
  const [left, right] = [one.join(" "), other.join(" ")];
  return left < right ? -1 : Number(left > right);
}

function templatesOf(notice: Notice<unknown>): ShopTemplate[] {
  return Object.entries(notice.texts).flatMap(([topic, texts]) =>
    Object.entries(texts).map(([way, text]) => shopTemplate(notice, topic as TopicName, way as Way, text)),
  );
}

function shopTemplate(notice: Notice<unknown>, topic: TopicName, way: Way, text: Text): ShopTemplate {
  const fit = Object.entries(notice.placeholders).filter(
    ([, it]) => way === "email" || !it.endsWith("block"),
  );
  const placeholders: Placeholders = { ...Object.fromEntries(fit), shop: "word" };
  return {
    id: templateId(`${topic}/${way}/${LOCALE}`),
    topic,
    way,
    locale: LOCALE,
    placeholders,
    text,
    template: parseTemplate(text, placeholders),
    etag: createHash("sha256").update(JSON.stringify(text)).digest("base64url").slice(0, 22),
    notice,
  };
}
