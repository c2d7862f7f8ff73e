import { createHmac } from "node:crypto";

/** Crockford's base 32: no letter that could be taken for another or for a digit. */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const GROUPS = 4;
const GROUP_LENGTH = 4;
const SUFFIX_LENGTH = 4;

/** The codes of gift cards. */
export interface GiftCodes {
  /** The code of a gift card: the same for the same card, and 80 bits that nobody can guess. */
  codeOf(giftCardId: string): string;
  /** What is kept of a code. */
  hashOf(code: string): Buffer;
  /** The characters by which a code is known. */
  suffixOf(code: string): string;
}

/**
 * Makes the codes of gift cards out of their ids and a secret, so that a code can be told again to who issues the
 * card, and is stored nowhere.
 *
 * @param secret the secret; with another one, codes that were issued are not known any more
 */
export function giftCodes(secret: string): GiftCodes {
  return {
    codeOf(giftCardId) {
      const bytes = createHmac("sha256", secret).update(`code ${giftCardId}`).digest();
      const characters = [...bytes.subarray(0, GROUPS * GROUP_LENGTH)].map((byte) => ALPHABET[byte % 32]);
      const groups = Array.from({ length: GROUPS }, (_, group) =>
        characters.slice(group * GROUP_LENGTH, (group + 1) * GROUP_LENGTH).join(""),
      );
      return ["GIFT", ...groups].join("-");
    },
    hashOf: (code) => createHmac("sha256", secret).update(`hash ${code}`).digest(),
    suffixOf: (code) => code.slice(-SUFFIX_LENGTH),
  };
}
