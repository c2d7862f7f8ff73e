/**
 * The paragraphs of a text that somebody typed.
 *
 * @param text with line breaks between them; may be empty
 */
export function paragraphsOf(text: string): string[] {
  return text.split(/\n+/).filter((it) => it.trim() !== "");
}
