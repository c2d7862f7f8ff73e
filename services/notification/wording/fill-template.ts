import { type Html, html, joinHtml } from "../templates/html.ts";
import { webLink } from "../templates/web-link.ts";
import type { Part, Piece, Template } from "./parse-template.ts";
import type { Values } from "./placeholders.ts";

/** A mail without what frames it. */
export interface FilledMail {
  readonly subject: string;
  readonly text: string;
  readonly html: Html;
}

/** A line that is an address of the web and nothing else. */
const ADDRESS = /^https?:\/\/\S+$/i;
/** What ends a line, and what cannot be seen. */
const CONTROLS = /[\p{Cc}\p{Zl}\p{Zp}]+/gu;

/**
 * Writes a mail. Values take the place of placeholders once: what stands in a value is text, whatever it looks like.
 *
 * @param template what it says
 * @param values what stands for its placeholders
 */
export function fillMail(template: Template, values: Values): FilledMail {
  const parts = spoken(template, values);
  return {
    subject: fillLine(template.subject, values),
    text: parts.map((part) => partText(part, values)).join("\n\n"),
    html: joinHtml(
      parts.map((part) => partHtml(part, values)),
      "\n",
    ),
  };
}

/**
 * Writes what the shop shows: one line, and one paragraph.
 *
 * @param template what it says
 * @param values what stands for its placeholders
 */
export function fillNotification(template: Template, values: Values): { title: string; body: string } {
  const paragraphs = spoken(template, values).map((part) => partText(part, values));
  return {
    title: fillLine(template.subject, values),
    body: paragraphs.join(" ").replaceAll(CONTROLS, " "),
  };
}

/** What has something to say. */
function spoken({ body }: Template, values: Values): Part[] {
  return body
    .filter(({ optional }) => optional.every((name) => textOf(name, values) !== ""))
    .flatMap(({ parts }) => parts)
    .filter((part) => part.kind === "lines" || textOf(part.placeholder, values) !== "");
}

function partText(part: Part, values: Values): string {
  if (part.kind === "block") return textOf(part.placeholder, values);
  return part.lines.map((line) => fillLine(line, values)).join("\n");
}

function partHtml(part: Part, values: Values): Html {
  if (part.kind === "block") {
    const value = values[part.placeholder];
    return typeof value === "object" ? value.html : html`<p>${value ?? ""}</p>`;
  }
  const lines = part.lines.map((line) => lineHtml(line, values));
  return html`<p>${joinHtml(lines, "<br>\n")}</p>`;
}

function lineHtml(line: readonly Piece[], values: Values): Html {
  const [only, ...others] = line;
  const isAddress = typeof only === "string" && others.length === 0 && ADDRESS.test(only);
  return isAddress ? webLink(only) : html`${fillLine(line, values)}`;
}

function fillLine(line: readonly Piece[], values: Values): string {
  return line.map((it) => (typeof it === "string" ? it : textOf(it.placeholder, values))).join("");
}

/** A word ends no line, whoever wrote it. */
function textOf(name: string, values: Values): string {
  const value = values[name] ?? "";
  return typeof value === "string" ? value.replaceAll(CONTROLS, " ").trim() : value.text;
}
