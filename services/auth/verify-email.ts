import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import { EmailVerificationRequestedSchema, EmailVerifiedSchema } from "#gen/souk/auth/v1/events_pb.ts";
import type { Scope } from "#kit/scope.ts";
import { lockAccount, type StoredAccount } from "./accounts.ts";
import { countAttempt, mailLimit } from "./attempts.ts";
import type { AuthContext } from "./context.ts";
import type { AuthTransaction } from "./database.ts";
import { mailedTokenInvalid, makeMailedToken, spendMailedToken } from "./mailed-tokens.ts";

const VERIFICATION_MS = 24 * 3_600_000;

/**
 * Has a token mailed that confirms the address of an account.
 *
 * @param tx the transaction that the mail comes from
 */
export async function mailVerification(
  tx: AuthTransaction,
  account: Pick<StoredAccount, "id" | "email">,
): Promise<void> {
  const { token, expireTime } = await makeMailedToken(tx, "verify-email", account, VERIFICATION_MS);
  tx.emit(EmailVerificationRequestedSchema, {
    accountId: account.id,
    email: account.email,
    token,
    expireTime: timestampFromDate(expireTime),
  });
}

/**
 * Has another token mailed to somebody who is signed in; an address that is confirmed gets none.
 *
 * @throws SoukError TOO_MANY_ATTEMPTS
 */
export async function sendVerificationEmail(
  { db }: AuthContext,
  scope: Scope,
  accountId: string,
): Promise<void> {
  await countAttempt(db, scope, [mailLimit("verification", accountId)]);
  await db.write(scope, async (tx) => {
    const account = await lockAccount(tx, accountId);
    if (account.email_verify_time === null) await mailVerification(tx, account);
  });
}

/**
 * Confirms an address with the token that was mailed to it.
 *
 * @returns the address
 * @throws SoukError MAILED_TOKEN_INVALID
 */
export function verifyEmail({ db }: AuthContext, scope: Scope, token: string): Promise<string> {
  return db.write(scope, async (tx) => {
    const { account, mailedTo } = await spendMailedToken(tx, "verify-email", token);
    tx.about(account.id);
    if (account.email !== mailedTo) throw mailedTokenInvalid();
    await confirmAddress(tx, account);
    return mailedTo;
  });
}

/** Remembers that an address is its account's; one that is confirmed stays as it is. */
export async function confirmAddress(
  tx: AuthTransaction,
  { id, email }: Pick<StoredAccount, "id" | "email">,
): Promise<void> {
  const { numUpdatedRows } = await tx.sql
    .updateTable("account")
    .set({ email_verify_time: sql<Date>`now()` })
    .where("id", "=", id)
    .where("email_verify_time", "is", null)
    .executeTakeFirstOrThrow();
  if (numUpdatedRows === 1n) tx.emit(EmailVerifiedSchema, { accountId: id, email });
}
