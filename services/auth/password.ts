import { hash, verify } from "@node-rs/argon2";

/**
 * The hash under which a password is stored: argon2id with the library's defaults, which are those
 * that OWASP recommends (19 MiB, 2 passes).
 *
 * @param password as the user typed it
 */
export function hashPassword(password: string): Promise<string> {
  return hash(password.normalize("NFKC"));
}

/**
 * Whether a password is the right one. Without a stored hash it takes as long and says no, so that
 * time does not tell which accounts exist.
 *
 * @param password as the user typed it
 * @param stored the stored hash, or undefined when there is no account
 */
export async function isPassword(password: string, stored: string | undefined): Promise<boolean> {
  nobodysHash ??= hashPassword("nobody's password");
  const matches = await verify(stored ?? (await nobodysHash), password.normalize("NFKC"));
  return matches && stored !== undefined;
}

let nobodysHash: Promise<string> | undefined;
