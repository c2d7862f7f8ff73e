import { frameMail } from "../templates/mail-frame.ts";
import type { MailContent, Message, Shop } from "../templates/message.ts";
import type { TopicName } from "../topics.ts";
import { fillMail, fillNotification } from "./fill-template.ts";
import type { Facts, Notice, Way } from "./notice.ts";
import type { Template } from "./parse-template.ts";

/** Finds the text of a topic for a channel. */
export type FindTemplate = (topic: TopicName, way: Way) => Template;

/**
 * Writes what an event is told with, in the shop and by mail.
 *
 * @param notice what the shop tells on such events
 * @param event the event
 * @param shop who writes
 * @param find finds the texts
 * @throws Error when the event lacks what is to be told
 */
export function writeMessage<E>(notice: Notice<E>, event: E, shop: Shop, find: FindTemplate): Message {
  const facts = notice.read(event, shop);
  const { topic, subjectId } = facts;
  return {
    topic,
    subjectId,
    ...fillNotification(find(topic, "shop"), valuesOf(facts, shop)),
    mail: mailOf(facts, shop, find(topic, "email")),
  };
}

/** Writes what an event is told with by mail alone. As above. */
export function writeMail<E>(
  notice: Notice<E>,
  event: E,
  shop: Shop,
  find: FindTemplate,
): Pick<Message, "topic" | "mail"> {
  const facts = notice.read(event, shop);
  return { topic: facts.topic, mail: mailOf(facts, shop, find(facts.topic, "email")) };
}

/**
 * Writes a mail.
 *
 * @param facts what it tells of
 * @param shop who writes
 * @param template what it says
 */
export function mailOf(facts: Facts, shop: Shop, template: Template): MailContent {
  const { subject, text, html } = fillMail(template, valuesOf(facts, shop));
  return frameMail(shop, subject, facts.firstName ?? "", text, html);
}

/** What stands for the placeholders, with the one that every text may have. */
export function valuesOf({ values }: Facts, shop: Shop): Facts["values"] {
  return { ...values, shop: shop.name };
}
