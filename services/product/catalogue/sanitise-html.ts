/**
 * Makes the HTML of a product's description harmless.
 *
 * Safety does not rest on understanding the input as a browser would. The output is written anew: the only
 * tags in it are the constants below, the only attribute is an `href` that the URL parser has accepted as
 * http or https, and every other `<`, `>` and `&` of the input leaves as a character reference. A misread tag
 * can cost a merchant some formatting; it cannot let through a script, an event handler or a style.
 */

/** Tags that format a run of text. */
const INLINE = new Set(["strong", "em", "b", "i", "a"]);
/** Tags that hold paragraphs' text; none of them may stand inside another one. */
const TEXT_BLOCKS = new Set(["p", "h2", "h3", "h4"]);
const LISTS = new Set(["ul", "ol"]);

/** Elements whose content is no text for readers: it goes with the tags. */
const DROPPED_WITH_CONTENT = new Set(
  "script style template title textarea iframe noscript noembed noframes xmp svg math object audio video canvas select".split(
    " ",
  ),
);

/** Elements that separate words from one another even when their tags go. */
const SEPARATING = new Set(
  "address article aside blockquote body dd div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section table tbody td tfoot th thead tr ul".split(
    " ",
  ),
);

/** Deeper nesting than any description needs; tags beyond it go, their text stays. */
const DEEPEST = 24;

const TAG_START = /<(?:!--|[!?]|\/(?=[^a-z])|\/?([a-z][^\s/>]*))/giy;
const ATTRIBUTE = /[\s/=]*([^\s/>=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]*)))?/y;
const TAG_END = /[\s/=]*>/y;

type Output = { pieces: string[]; open: string[] };

/**
 * Reduces HTML to p, br, ul, ol, li, strong, em, b, i, h2, h3, h4 and a[href] with an http or https address,
 * balanced and properly nested. Other tags go and their text stays, except that of scripts, styles and the
 * like; attributes go. The result is a fixed point: sanitising it again changes nothing.
 *
 * @param html what a merchant wrote, of any quality; the time taken grows linearly with its length
 * @returns HTML that is safe to place inside a block element of a page
 */
export function sanitiseHtml(html: string): string {
  const output: Output = { pieces: [], open: [] };
  let position = 0;
  while (position < html.length) {
    const bracket = html.indexOf("<", position);
    const textEnd = bracket === -1 ? html.length : bracket;
    if (textEnd > position) output.pieces.push(escapeText(html.slice(position, textEnd)));
    if (bracket === -1) break;
    position = readMarkup(html, bracket, output);
  }
  closeDownTo(output, 0);
  return output.pieces.join("").trim();
}

/** Reads what begins with the `<` at `start` and returns where the text after it goes on. */
function readMarkup(html: string, start: number, output: Output): number {
  TAG_START.lastIndex = start;
  const match = TAG_START.exec(html);
  if (match === null) {
    output.pieces.push("&lt;");
    return start + 1;
  }
  const name = match[1]?.toLowerCase();
  if (name === undefined) return after(html, match[0] === "<!--" ? "-->" : ">", start + 2);

  const attributes = readAttributes(html, TAG_START.lastIndex);
  if (attributes === undefined) return html.length;
  const { href, end } = attributes;
  if (html[start + 1] === "/") closeTag(output, name);
  else if (DROPPED_WITH_CONTENT.has(name)) return afterClosingTag(html, name, end);
  else openTag(output, name, href);
  return end;
}

/** Returns the position behind the next `mark`; without one the rest of the text belongs to the markup. */
function after(html: string, mark: string, from: number): number {
  const found = html.indexOf(mark, from);
  return found === -1 ? html.length : found + mark.length;
}

function afterClosingTag(html: string, name: string, from: number): number {
  const closing = new RegExp(`</${name}(?=[\\s/>])`, "gi");
  closing.lastIndex = from;
  return closing.test(html) ? after(html, ">", closing.lastIndex) : html.length;
}

/** Reads attributes up to the tag's end, if it has one; the first `href` counts, as in browsers. */
function readAttributes(html: string, from: number): { href?: string; end: number } | undefined {
  let position = from;
  let href: string | undefined;
  while (position < html.length) {
    TAG_END.lastIndex = position;
    if (TAG_END.test(html)) return { href, end: TAG_END.lastIndex };
    ATTRIBUTE.lastIndex = position;
    const match = ATTRIBUTE.exec(html);
    if (match === null) return undefined;
    if (match[1]?.toLowerCase() === "href") href ??= match[2] ?? match[3] ?? match[4] ?? "";
    position = ATTRIBUTE.lastIndex;
  }
  return undefined;
}

function openTag(output: Output, name: string, href: string | undefined): void {
  const { open } = output;
  if (name === "br") {
    output.pieces.push("<br>");
    return;
  }
  const isBlock = TEXT_BLOCKS.has(name) || LISTS.has(name);
  if (isBlock) closeNearest(output, TEXT_BLOCKS, LISTS);
  if (name === "a") closeNearest(output, new Set(["a"]));
  const list = open.findLastIndex((tag) => LISTS.has(tag));
  if (name === "li" && list !== -1) closeDownTo(output, list + 1);

  const address = name === "a" ? webAddress(href) : undefined;
  const isKept =
    open.length < DEEPEST &&
    (isBlock || (name === "li" && list !== -1) || (name === "a" ? address !== undefined : INLINE.has(name)));
  if (!isKept) {
    if (SEPARATING.has(name)) separate(output);
    return;
  }
  output.pieces.push(address === undefined ? `<${name}>` : `<a href="${escapeAttribute(address)}">`);
  open.push(name);
}

function closeTag(output: Output, name: string): void {
  const depth = output.open.lastIndexOf(name);
  if (depth !== -1) closeDownTo(output, depth);
  else if (name === "br") output.pieces.push("<br>");
  else if (SEPARATING.has(name)) separate(output);
}

/** Closes the innermost open tag of `names`, unless a tag of `barrier` was opened inside it. */
function closeNearest(output: Output, names: Set<string>, barrier = new Set<string>()): void {
  const depth = output.open.findLastIndex((tag) => names.has(tag) || barrier.has(tag));
  if (depth !== -1 && names.has(output.open[depth] as string)) closeDownTo(output, depth);
}

function closeDownTo(output: Output, depth: number): void {
  for (const tag of output.open.splice(depth).reverse()) output.pieces.push(`</${tag}>`);
}

function separate(output: Output): void {
  if (!/\s/.test(output.pieces.at(-1)?.at(-1) ?? "\n")) output.pieces.push("\n");
}

/** Keeps well-formed character references and escapes everything else that HTML could read as markup. */
function escapeText(text: string): string {
  return text
    .replace(/[\p{Cc}--[\t\n\r]]/gv, "")
    .replace(/&(?!(?:#[0-9]{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});)/gi, "&amp;")
    .replaceAll(">", "&gt;");
}

/** Returns the normalised address when it is an absolute http or https one. */
function webAddress(href: string | undefined): string | undefined {
  const url = URL.parse(decodeReferences(href ?? ""));
  return url?.protocol === "http:" || url?.protocol === "https:" ? url.href : undefined;
}

const NAMED_REFERENCES: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/**
 * Decodes the references that addresses are written with; a rarer one stays as it is and at worst spoils the
 * link.
 */
function decodeReferences(text: string): string {
  return text.replace(
    /&(?:#([0-9]{1,7})|#x([0-9a-f]{1,6})|(amp|lt|gt|quot|apos));/gi,
    (reference, decimal, hex, name) => {
      if (name !== undefined) return NAMED_REFERENCES[name.toLowerCase()] as string;
      const code = decimal === undefined ? Number.parseInt(hex, 16) : Number.parseInt(decimal, 10);
      return code <= 0x10ffff ? String.fromCodePoint(code) : reference;
    },
  );
}

function escapeAttribute(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll('"', "&quot;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");
}
