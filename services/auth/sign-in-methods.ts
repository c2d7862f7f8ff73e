import { accountNotFound } from "./accounts.ts";
import type { AuthDatabase } from "./database.ts";
import { listIdentities, type StoredIdentity } from "./openid/identities.ts";

/** How an account can sign in. */
export interface SignInMethods {
  readonly hasPassword: boolean;
  readonly totpEnabled: boolean;
  readonly recoveryCodesLeft: number;
  readonly identities: readonly StoredIdentity[];
}

/**
 * Says how an account can sign in.
 *
 * @throws SoukError ACCOUNT_NOT_FOUND
 */
export async function getSignInMethods(db: AuthDatabase, accountId: string): Promise<SignInMethods> {
  const [account, identities] = await Promise.all([
    db.sql
      .selectFrom("account")
      .leftJoin("second_factor", "second_factor.account_id", "account.id")
      .select((it) => [
        "password_hash",
        "confirm_time",
        it
          .selectFrom("recovery_code")
          .select((count) => count.fn.countAll<bigint>().as("left"))
          .whereRef("recovery_code.account_id", "=", "account.id")
          .as("codes_left"),
      ])
      .where("account.id", "=", accountId)
      .where("delete_time", "is", null)
      .executeTakeFirst(),
    listIdentities(db, accountId),
  ]);
  if (account === undefined) throw accountNotFound();
  return {
    hasPassword: account.password_hash !== null,
    totpEnabled: account.confirm_time !== null,
    recoveryCodesLeft: Number(account.codes_left ?? 0),
    identities,
  };
}
