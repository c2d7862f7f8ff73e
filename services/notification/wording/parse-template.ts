import { MOST_VIOLATIONS } from "#kit/error.ts";
import { isNeeded, isOptional, isWord, type Placeholder, type Placeholders } from "./placeholders.ts";

/** A text with placeholders, as people write it. */
export interface Text {
  /** One line. */
  readonly subject: string;
  /** Paragraphs, with empty lines between them. */
  readonly body: string;
}

/** A part of a line: characters as they are, or a placeholder. */
export type Piece = string | { readonly placeholder: string };

/** A part of a paragraph: lines, or a block or passage that stands for itself. */
export type Part =
  | { readonly kind: "lines"; readonly lines: readonly (readonly Piece[])[] }
  | { readonly kind: "block"; readonly placeholder: string };

/** A paragraph. */
export interface Paragraph {
  readonly parts: readonly Part[];
  /** It is left out when one of these has nothing to say. */
  readonly optional: readonly string[];
}

/** A text that was understood. */
export interface Template {
  readonly subject: readonly Piece[];
  readonly body: readonly Paragraph[];
}

/** What is wrong with a text. */
export interface Flaw {
  readonly field: "subject" | "body";
  readonly description: string;
}

/** A text cannot be used as a template. */
export class UnfitText extends Error {
  override readonly name = "UnfitText";
  readonly flaws: readonly Flaw[];

  /** @param flaws at least one */
  constructor(flaws: readonly Flaw[]) {
    super(flaws.map(({ field, description }) => `${field}: ${description}`).join("; "));
    this.flaws = flaws;
  }
}

type AddFlaw = (description: string) => void;

/** Two braces or more always mean a placeholder; what stands between them may be anything. */
const MARK = /\{{2,}[^{}]*\}{2,}|\{{2,}|\}{2,}/g;
const PLACEHOLDER = /^\{\{ *([a-z][a-z_]*) *\}\}$/;
/** What would end a line, or is no character that can be seen. */
const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}]/u;
/** The longest piece of a text that is quoted. */
const QUOTED = 40;

/**
 * Understands a text: what stands between two braces is a placeholder, an empty line ends a paragraph, and everything
 * else is what it is.
 *
 * @param text the text
 * @param placeholders those that it may have
 * @throws UnfitText that tells what is wrong, and what may be there instead
 */
export function parseTemplate(text: Text, placeholders: Placeholders): Template {
  const flaws: Flaw[] = [];
  const addTo = (field: Flaw["field"]) => (description: string) => {
    const isTold = flaws.some((it) => it.field === field && it.description === description);
    if (!isTold && flaws.length < MOST_VIOLATIONS) flaws.push({ field, description });
  };
  const subject = parseSubject(text.subject, placeholders, addTo("subject"));
  const body = parseBody(text.body, placeholders, addTo("body"));
  if (flaws.length > 0) throw new UnfitText(flaws);
  return { subject, body };
}

function parseSubject(subject: string, placeholders: Placeholders, add: AddFlaw): readonly Piece[] {
  if (subject.trim() === "") add("says nothing");
  if (CONTROL.test(subject)) add("is one line; take out its line breaks and control characters");
  const fit = Object.entries(placeholders).filter(([, it]) => isWord(it) && !isOptional(it));
  return parseLine(subject, Object.fromEntries(fit), add);
}

function parseBody(body: string, placeholders: Placeholders, add: AddFlaw): Paragraph[] {
  if (CONTROL.test(body.replaceAll(/[\n\t]/g, ""))) add("has control characters; take them out");
  const paragraphs = body.split(/\n\s*\n/).filter((it) => it.trim() !== "");
  if (paragraphs.length === 0) add("says nothing");
  const alone = new Set<string>();
  const parsed = paragraphs.map((it) => parseParagraph(it, placeholders, alone, add));
  for (const [name, placeholder] of Object.entries(placeholders)) {
    if (!isNeeded(placeholder)) continue;
    const holder = parsed.find((it) => namesOf(it).includes(name));
    const [optional] = holder?.optional ?? [];
    if (holder === undefined) add(`lacks {{${name}}}, without which it is worth nothing`);
    else if (optional !== undefined)
      add(
        `has {{${name}}} in a paragraph that is left out where {{${optional}}} has nothing to say; part them`,
      );
  }
  return parsed;
}

/** @param alone the blocks and passages that were found so far; each may stand once */
function parseParagraph(
  paragraph: string,
  placeholders: Placeholders,
  alone: Set<string>,
  add: AddFlaw,
): Paragraph {
  const parts: Part[] = [];
  let lines: Piece[][] = [];
  for (const line of paragraph.split("\n")) {
    const pieces = parseLine(line.trim(), placeholders, add);
    const block = namesIn(pieces).find((name) => !isWord(kindOf(name, placeholders)));
    if (block === undefined) {
      if (lines.length === 0) parts.push({ kind: "lines", lines });
      lines.push(pieces);
      continue;
    }
    if (pieces.length > 1) add(`{{${block}}} must stand on a line of its own`);
    if (alone.has(block)) add(`has {{${block}}} twice; once is enough`);
    alone.add(block);
    parts.push({ kind: "block", placeholder: block });
    lines = [];
  }
  const optional = namesOf({ parts }).filter((name) => isOptional(kindOf(name, placeholders)));
  return { parts, optional };
}

function parseLine(line: string, placeholders: Placeholders, add: AddFlaw): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const { 0: mark, index } of line.matchAll(MARK)) {
    if (index > end) pieces.push(line.slice(end, index));
    end = index + mark.length;
    const name = PLACEHOLDER.exec(mark)?.[1];
    if (name !== undefined && Object.hasOwn(placeholders, name)) pieces.push({ placeholder: name });
    else add(refusalOf(mark, name, placeholders));
  }
  if (end < line.length) pieces.push(line.slice(end));
  return pieces;
}

function refusalOf(mark: string, name: string | undefined, placeholders: Placeholders): string {
  const quoted = mark.length > QUOTED ? `${mark.slice(0, QUOTED).toWellFormed()}…` : mark;
  const known = Object.keys(placeholders).map((it) => `{{${it}}}`);
  const what = name === undefined ? "is no placeholder" : "is not known here";
  return `${quoted} ${what}; there may be ${known.join(", ")}`;
}

function namesOf({ parts }: Pick<Paragraph, "parts">): string[] {
  return parts.flatMap((part) => (part.kind === "block" ? [part.placeholder] : namesIn(part.lines.flat())));
}

function namesIn(pieces: readonly Piece[]): string[] {
  return pieces.flatMap((it) => (typeof it === "string" ? [] : [it.placeholder]));
}

function kindOf(name: string, placeholders: Placeholders): Placeholder {
  return placeholders[name] ?? "word";
}
