import { sql } from "kysely";
import { standing } from "#kit/data/audit.ts";
import type { SoukError } from "#kit/error.ts";
import type { Scope } from "#kit/scope.ts";
import { type AuthContext, type SignedIn, signedIn } from "./accounts.ts";
import type { AuthTransaction } from "./database.ts";
import { ErrorReason, refuse } from "./errors.ts";
import { hashToken, issueRefreshToken, type TokenSubject } from "./tokens.ts";

/**
 * Exchanges a refresh token for new tokens. A token serves once: when it comes again, somebody
 * else has it, and every token of its sign-in is revoked (RFC 9700, 4.14.2).
 *
 * @throws SoukError REFRESH_TOKEN_INVALID or REFRESH_TOKEN_REUSED
 */
export async function refresh(auth: AuthContext, scope: Scope, refreshToken: string): Promise<SignedIn> {
  const tokenHash = hashToken(refreshToken);
  const next = await auth.db.write(scope, async (tx) => {
    const spent = await spend(tx, tokenHash);
    if (spent === undefined) throw await refuseRefresh(tx, tokenHash);
    tx.about(spent.user.id);
    const token = await issueRefreshToken(tx, spent.user.id, spent.familyId, auth.lifetimes.refreshMs);
    return { user: spent.user, token };
  });
  return signedIn(auth, scope, next.user, next.token);
}

/** The end of the session of a token that comes again stands although the call is refused. */
async function refuseRefresh(tx: AuthTransaction, tokenHash: Buffer): Promise<SoukError> {
  if (await revokeFamilyOfSpent(tx, tokenHash)) {
    const message = "the refresh token was used before, so its session was ended; sign in again";
    return standing(refuse(ErrorReason.REFRESH_TOKEN_REUSED, message));
  }
  const message = "the refresh token is not good, or no longer; sign in again";
  return refuse(ErrorReason.REFRESH_TOKEN_INVALID, message);
}

/**
 * Ends the session that a refresh token belongs to; an unknown token is no error.
 *
 * @param refreshToken any token of the session
 */
export async function logout(auth: AuthContext, scope: Scope, refreshToken: string): Promise<void> {
  await auth.db.write(scope, (tx) => revokeFamily(tx, hashToken(refreshToken)));
}

async function spend(
  tx: AuthTransaction,
  tokenHash: Buffer,
): Promise<{ familyId: string; user: TokenSubject } | undefined> {
  const spent = await tx.sql
    .updateTable("refresh_token")
    .from("account")
    .set({ use_time: sql<Date>`now()` })
    .whereRef("account.id", "=", "refresh_token.account_id")
    .where("token_hash", "=", tokenHash)
    .where("use_time", "is", null)
    .where("revoke_time", "is", null)
    .where("expire_time", ">", sql<Date>`now()`)
    .returning(["family_id", "account.id", "account.email", "account.roles"])
    .executeTakeFirst();
  if (spent === undefined) return undefined;
  return { familyId: spent.family_id, user: { id: spent.id, email: spent.email, roles: spent.roles } };
}

async function revokeFamilyOfSpent(tx: AuthTransaction, tokenHash: Buffer): Promise<boolean> {
  const spent = await tx.sql
    .selectFrom("refresh_token")
    .select("account_id")
    .where("token_hash", "=", tokenHash)
    .where("use_time", "is not", null)
    .executeTakeFirst();
  if (spent === undefined) return false;
  tx.about(spent.account_id);
  await revokeFamily(tx, tokenHash);
  return true;
}

async function revokeFamily(tx: AuthTransaction, tokenHash: Buffer): Promise<void> {
  await tx.sql
    .updateTable("refresh_token")
    .set({ revoke_time: sql<Date>`now()` })
    .where("revoke_time", "is", null)
    .where("family_id", "in", (family) =>
      family.selectFrom("refresh_token").select("family_id").where("token_hash", "=", tokenHash),
    )
    .execute();
}
