import { type Html, html } from "../templates/html.ts";
import { paragraphsOf } from "../templates/paragraphs.ts";

/**
 * What a placeholder stands for. A word stands in a line. A block, for example a table or a link with a token, stands
 * on a line of its own, in mails alone. A passage is what somebody typed, and stands on a line of its own, in mails
 * and in the shop.
 *
 * An optional one may have nothing to say: then the paragraph that it is in is left out. A text must have the needed
 * ones, for without them it is worth nothing.
 */
export type Placeholder = `${"" | "optional " | "needed "}${"word" | "block" | "passage"}`;

/** The placeholders that a text may have, by name. */
export type Placeholders = Readonly<Record<string, Placeholder>>;

/** What stands for a placeholder on a line of its own. Nothing is said where the text is empty. */
export interface Block {
  readonly text: string;
  readonly html: Html;
}

/** What stands for each placeholder. */
export type Values<P extends Placeholders = Placeholders> = {
  readonly [N in keyof P]: P[N] extends `${string}word`
    ? string
    : P[N] extends `${string}${"block" | "passage"}`
      ? Block
      : string | Block;
};

/** Whether it stands in a line. */
export function isWord(placeholder: Placeholder): boolean {
  return placeholder.endsWith("word");
}

/** Whether it may have nothing to say. */
export function isOptional(placeholder: Placeholder): boolean {
  return placeholder.startsWith("optional");
}

/** Whether a text must have it. */
export function isNeeded(placeholder: Placeholder): boolean {
  return placeholder.startsWith("needed");
}

/** Nothing to say. */
export const NOTHING: Block = { text: "", html: html`` };

/** What somebody typed, as the paragraphs that it has. */
export function passage(typed: string): Block {
  const paragraphs = paragraphsOf(typed);
  const [first = "", ...others] = paragraphs;
  return {
    text: paragraphs.join("\n\n"),
    html: html`<p>${first}</p>${others.map((it) => html`\n<p>${it}</p>`)}`,
  };
}
