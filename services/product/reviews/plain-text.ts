/**
 * What shows nothing of its own: control characters but line breaks and tabs, marks that turn the direction of the
 * text after them (Unicode TR 9), and the byte order mark.
 */
const INVISIBLE = /[[\p{Cc}--[\t\n]]\u202A-\u202E\u2066-\u2069\uFEFF]/gv;

/**
 * A text as somebody typed it, without what cannot be seen, and with one empty line at most between two others. It is
 * no HTML and does not become any.
 */
export function plainText(typed: string): string {
  const text = typed.replace(/\r\n?|[\u2028\u2029]/g, "\n").replace(INVISIBLE, "");
  return text.replace(/\n{3,}/g, "\n\n").trim();
}

/** The same on one line. */
export function plainLine(typed: string): string {
  return plainText(typed).replace(/\s+/g, " ");
}

/** Whether a text holds anything that can be seen. */
export function isVisible(text: string): boolean {
  return /[\p{L}\p{N}\p{P}\p{S}]/u.test(text);
}
