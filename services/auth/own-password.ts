import type { Scope } from "#kit/scope.ts";
import { accountNotFound } from "./accounts.ts";
import { countAttempt, passwordLimit } from "./attempts.ts";
import type { AuthContext } from "./context.ts";
import { ErrorReason, refuse } from "./errors.ts";
import { isPassword } from "./password.ts";

/**
 * Makes sure that it is the owner of an account who asks, and not somebody at an open screen.
 * An account without a password has nothing to ask for.
 *
 * @param password what was typed; empty for an account without one
 * @returns the hash that it was compared with
 * @throws SoukError PASSWORD_WRONG or TOO_MANY_ATTEMPTS
 */
export async function requireOwnPassword(
  { db }: AuthContext,
  scope: Scope,
  accountId: string,
  password: string,
): Promise<string | null> {
  const account = await db.sql
    .selectFrom("account")
    .select("password_hash")
    .where("id", "=", accountId)
    .executeTakeFirst();
  if (account === undefined) throw accountNotFound();
  const { password_hash } = account;
  await countAttempt(db, scope, [passwordLimit(accountId)]);
  const matches = password_hash === null ? password === "" : await isPassword(scope, password, password_hash);
  if (!matches) throw refuse(ErrorReason.PASSWORD_WRONG, "the current password is another one");
  return password_hash;
}
