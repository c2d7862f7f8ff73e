import type { AuthTransaction } from "./database.ts";
import { ErrorReason, refuse } from "./errors.ts";

/** An account, as far as signing in to it goes. */
export interface StoredAccount {
  readonly id: string;
  /** In lower case. */
  readonly email: string;
  readonly roles: string[];
  readonly password_hash: string | null;
  readonly email_verify_time: Date | null;
  readonly disable_time: Date | null;
}

/** The columns of an account that signing in reads. */
export const ACCOUNT = [
  "account.id",
  "account.email",
  "account.roles",
  "account.password_hash",
  "account.email_verify_time",
  "account.disable_time",
] as const;

/** The role of everybody who has an account. */
export const CUSTOMER = "customer";

/**
 * The account of somebody who is signed in, and nobody else's turn until the transaction ends.
 *
 * @throws SoukError ACCOUNT_NOT_FOUND when it was removed meanwhile
 */
export async function lockAccount(tx: AuthTransaction, accountId: string): Promise<StoredAccount> {
  const account = await tx.sql
    .selectFrom("account")
    .select(ACCOUNT)
    .where("id", "=", accountId)
    .where("delete_time", "is", null)
    .forUpdate()
    .executeTakeFirst();
  if (account === undefined) throw accountNotFound();
  return account;
}

/** Refuses a call that names an account which is not there. */
export function accountNotFound() {
  return refuse(ErrorReason.ACCOUNT_NOT_FOUND, "there is no such account");
}
