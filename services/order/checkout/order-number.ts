import { randomBytes } from "node:crypto";

/** Crockford's base 32: no I, L, O and U, so that a number read aloud or by eye is not mistaken. */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/**
 * Makes a number by which people call an order, for example "7K3MW-9QXD2". It is random, 50 bits, so that it
 * tells neither how many orders there are nor what another one is called. That it is unique is for the
 * database to say.
 */
export function newOrderNumber(): string {
  const symbols = Array.from(randomBytes(10), (byte) => ALPHABET[byte % ALPHABET.length]).join("");
  return `${symbols.slice(0, 5)}-${symbols.slice(5)}`;
}
