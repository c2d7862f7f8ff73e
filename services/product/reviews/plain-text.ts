import { invalid } from "../invalid.ts";

/**
 * What shows nothing of its own: control characters but line breaks and tabs, marks that turn the direction of the
 * text after them (Unicode TR 9), and the byte order mark.
 */
const INVISIBLE = /[[\p{Cc}--[\t\n]]\u202A-\u202E\u2066-\u2069\uFEFF]/gv;

/** Line breaks after a line and those of the lines below it that show nothing, where two of these or more do. */
const EMPTY_LINES = /\n(?:[[\s\p{Default_Ignorable_Code_Point}\u2800]--\n]*\n){2,}/gv;

/**
 * A text as somebody typed it, without what cannot be seen, and with one empty line at most between two others. It is
 * no HTML and does not become any.
 */
export function plainText(typed: string): string {
  const text = typed.replace(/\r\n?|[\u2028\u2029]/g, "\n").replace(INVISIBLE, "");
  return text.replace(EMPTY_LINES, "\n\n").trim();
}

/** The same on one line. */
export function plainLine(typed: string): string {
  return plainText(typed).replace(/\s+/g, " ");
}

/** Fillers count as letters, and the Braille pattern without dots as a sign. */
const VISIBLE = /[[\p{L}\p{N}\p{P}\p{S}]--[\p{Default_Ignorable_Code_Point}\u2800]]/v;

/**
 * A text that holds something that can be seen.
 *
 * @param field the field of the request that it stands in
 * @param text the text, without what cannot be seen
 * @param remedy what to do where nothing can be seen
 * @throws SoukError INVALID_REQUEST where nothing can
 */
export function visible(field: string, text: string, remedy: string): string {
  if (VISIBLE.test(text)) return text;
  throw invalid({ field, description: `holds nothing that can be seen; ${remedy}` });
}
