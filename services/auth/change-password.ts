import { sql } from "kysely";
import { PasswordChangedSchema } from "#gen/souk/auth/v1/events_pb.ts";
import { MeshReason, refuseMesh } from "#kit/error.ts";
import type { User } from "#kit/principal.ts";
import type { Scope } from "#kit/scope.ts";
import { lockAccount } from "./accounts.ts";
import { forgetAttempts, passwordLimit } from "./attempts.ts";
import type { AuthContext } from "./context.ts";
import type { AuthTransaction } from "./database.ts";
import { requireOwnPassword } from "./own-password.ts";
import { hashPassword } from "./password.ts";
import { requireStrongPassword } from "./password-strength.ts";
import { endSessions } from "./sessions.ts";

/**
 * Replaces the password of somebody who is signed in, and ends every other session.
 *
 * @param current the password so far; empty for an account that has none yet
 * @throws SoukError PASSWORD_WRONG, PASSWORD_TOO_WEAK or TOO_MANY_ATTEMPTS
 */
export async function changePassword(
  auth: AuthContext,
  scope: Scope,
  user: User,
  current: string,
  wanted: string,
): Promise<void> {
  requireStrongPassword("new_password", wanted, user.email);
  const compared = await requireOwnPassword(auth, scope, user.id, current);
  const hash = await hashPassword(scope, wanted);
  await auth.db.write(scope, async (tx) => {
    const account = await lockAccount(tx, user.id);
    if (account.password_hash !== compared) throw changedMeanwhile();
    await setPassword(tx, account, hash);
    await forgetAttempts(tx, [passwordLimit(user.id)]);
    await endSessions(tx, user.id, user.sessionId);
  });
}

/**
 * Stores another password. Mailed tokens that set one, and sign-ins that wait for their second factor,
 * no longer serve.
 *
 * @param hash of the new password
 */
export async function setPassword(
  tx: AuthTransaction,
  { id, email }: { readonly id: string; readonly email: string },
  hash: string,
): Promise<void> {
  await Promise.all([
    tx.sql.updateTable("account").set({ password_hash: hash }).where("id", "=", id).execute(),
    tx.sql
      .deleteFrom("mailed_token")
      .where("account_id", "=", id)
      .where("purpose", "=", sql.lit("reset-password"))
      .execute(),
    tx.sql.deleteFrom("login_challenge").where("account_id", "=", id).execute(),
  ]);
  tx.emit(PasswordChangedSchema, { accountId: id, email });
}

function changedMeanwhile() {
  return refuseMesh(MeshReason.ETAG_MISMATCH, "the password was changed meanwhile; begin again");
}
