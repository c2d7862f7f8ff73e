/** A piece of HTML in which everything from outside is escaped. */
export interface Html {
  readonly html: string;
}

/** What may stand in a piece of HTML: text is escaped, HTML is not. */
type Part = string | Html | readonly Html[];

/**
 * Writes HTML: html`<p>${text}</p>`.
 *
 * @param strings the markup
 * @param parts what stands between; in quoted attributes and in the content of elements it is safe
 */
export function html(strings: TemplateStringsArray, ...parts: Part[]): Html {
  const pieces = strings.map((markup, index) => markup + render(parts[index] ?? ""));
  return { html: pieces.join("") };
}

/**
 * Pieces of HTML, one after the other.
 *
 * @param pieces the pieces
 * @param between markup that parts them
 */
export function joinHtml(pieces: readonly Html[], between: string): Html {
  return { html: pieces.map((it) => it.html).join(between) };
}

function render(part: Part): string {
  if (typeof part === "string") return escapeHtml(part);
  return "html" in part ? part.html : part.map((it) => it.html).join("");
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
