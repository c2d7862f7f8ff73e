import { availableParallelism } from "node:os";
import { hash, type Options, verify } from "@node-rs/argon2";
import type { Scope } from "#kit/scope.ts";

/** What OWASP recommends for argon2id: 19 MiB, 2 passes, 1 lane. */
const ARGON2: Options = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/**
 * The hash under which a password is stored.
 *
 * @param scope the work that waits for it
 * @param password as the user typed it
 */
export function hashPassword(scope: Scope, password: string): Promise<string> {
  return inTurn(scope, () => hash(password.normalize("NFKC"), ARGON2));
}

/**
 * Whether a password is the right one. Without a stored hash it takes as long and says no, so that
 * time does not tell which accounts exist.
 *
 * @param scope the work that waits for it
 * @param password as the user typed it
 * @param stored the stored hash; null or undefined when there is no account, or it has no password
 */
export async function isPassword(
  scope: Scope,
  password: string,
  stored: string | null | undefined,
): Promise<boolean> {
  nobodysHash ??= hash("nobody's password", ARGON2);
  const compared = stored ?? (await nobodysHash);
  const matches = await inTurn(scope, () => verify(compared, password.normalize("NFKC")));
  return matches && typeof stored === "string";
}

let nobodysHash: Promise<string> | undefined;

/** How many passwords are hashed at once: libuv has four threads, and other work waits for them too. */
const AT_ONCE = Math.min(3, availableParallelism());
let hashing = 0;
const waiting: (() => void)[] = [];

/** Whose deadline passed while they waited are not hashed: in a storm of sign-ins nobody's work is wasted. */
async function inTurn<T>(scope: Scope, work: () => Promise<T>): Promise<T> {
  if (hashing >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  else hashing++;
  try {
    scope.signal.throwIfAborted();
    return await work();
  } finally {
    const next = waiting.shift();
    if (next === undefined) hashing--;
    else next();
  }
}
