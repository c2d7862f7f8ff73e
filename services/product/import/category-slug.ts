/**
 * The name of a category in addresses: small letters and digits without accents, with hyphens
 * between words.
 *
 * @param name the category's name
 * @returns empty when nothing of the name is a letter or digit
 */
export function categorySlug(name: string): string {
  return name
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .replace(/^-|-$/g, "")
    .slice(0, 200);
}
