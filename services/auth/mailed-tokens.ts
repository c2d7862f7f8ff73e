import { sql } from "kysely";
import { ACCOUNT, type StoredAccount } from "./accounts.ts";
import type { AuthTransaction } from "./database.ts";
import { ErrorReason, refuse } from "./errors.ts";
import { hashToken, makeToken } from "./tokens.ts";

/** What a mailed token is for. */
export type MailedPurpose = "verify-email" | "reset-password";

/** A token on its way into a mail. */
export interface MailedToken {
  readonly token: string;
  readonly expireTime: Date;
}

/**
 * Makes a token to be mailed; earlier ones for the same purpose no longer serve.
 *
 * @param tx the transaction that tells of it
 * @param lifetimeMs how long it serves, in ms
 */
export async function makeMailedToken(
  tx: AuthTransaction,
  purpose: MailedPurpose,
  { id, email }: Pick<StoredAccount, "id" | "email">,
  lifetimeMs: number,
): Promise<MailedToken> {
  const token = makeToken();
  const expireTime = new Date(Date.now() + lifetimeMs);
  await tx.sql
    .deleteFrom("mailed_token")
    .where("account_id", "=", id)
    .where("purpose", "=", purpose)
    .execute();
  await tx.sql
    .insertInto("mailed_token")
    .values({ token_hash: hashToken(token), purpose, account_id: id, email, expire_time: expireTime })
    .execute();
  return { token, expireTime };
}

/**
 * Spends a token that was mailed; it serves once, also when it is used twice at the same time.
 *
 * @returns the account, and the address to which the token was mailed
 * @throws SoukError MAILED_TOKEN_INVALID
 */
export async function spendMailedToken(
  tx: AuthTransaction,
  purpose: MailedPurpose,
  token: string,
): Promise<{ readonly account: StoredAccount; readonly mailedTo: string }> {
  const spent = await tx.sql
    .deleteFrom("mailed_token")
    .using("account")
    .whereRef("account.id", "=", "mailed_token.account_id")
    .where("token_hash", "=", hashToken(token))
    .where("purpose", "=", purpose)
    .where("expire_time", ">", sql<Date>`now()`)
    .returning([...ACCOUNT, "mailed_token.email as mailed_to"])
    .executeTakeFirst();
  if (spent === undefined) throw mailedTokenInvalid();
  const { mailed_to, ...account } = spent;
  return { account, mailedTo: mailed_to };
}

/** Refuses a token that is not good. */
export function mailedTokenInvalid() {
  return refuse(
    ErrorReason.MAILED_TOKEN_INVALID,
    "the token is not good, or no longer; ask for another mail",
  );
}
