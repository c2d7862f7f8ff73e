import type { TopicName } from "../topics.ts";

/** What a user is told of an event, in the shop and by e-mail. */
export interface Message {
  readonly topic: TopicName;
  /** One line, for the shop. */
  readonly title: string;
  /** A few sentences, for the shop. */
  readonly body: string;
  /** What it refers to, for example the id of an order. */
  readonly subjectId: string;
  readonly mail: MailContent;
}

/** What an e-mail says, as plain text and as HTML. */
export interface MailContent {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** What templates know of the shop. */
export interface Shop {
  /** What it calls itself. */
  readonly name: string;
  /** Where its storefront is; undefined when there is none to lead to. */
  readonly url: string | undefined;
}
