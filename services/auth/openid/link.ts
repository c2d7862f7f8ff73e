import type { Scope } from "#kit/scope.ts";
import { lockAccount } from "../accounts.ts";
import type { AuthContext } from "../context.ts";
import { ErrorReason, refuse } from "../errors.ts";
import { finishFlow, type Returned } from "./flow.ts";
import { linkIdentity, listIdentities, MOST_IDENTITIES, type StoredIdentity } from "./identities.ts";
import type { Providers } from "./providers.ts";

/**
 * Links what a provider vouches for to the account of somebody who is signed in.
 *
 * @throws SoukError OPENID_STATE_INVALID, OPENID_PROVIDER_UNAVAILABLE, OPENID_SIGN_IN_REFUSED, IDENTITY_TAKEN or
 *   TOO_MANY_IDENTITIES
 */
export async function completeOpenIdLink(
  { db }: AuthContext,
  providers: Providers,
  scope: Scope,
  accountId: string,
  returned: Returned,
): Promise<StoredIdentity> {
  const identity = await finishFlow(db, providers, scope, returned, accountId);
  return db.write(scope, async (tx) => {
    const account = await lockAccount(tx, accountId);
    if ((await listIdentities(tx, accountId)).length >= MOST_IDENTITIES) {
      throw refuse(
        ErrorReason.TOO_MANY_IDENTITIES,
        `the account has ${MOST_IDENTITIES} identities; unlink one that is not needed`,
      );
    }
    const linked = await linkIdentity(tx, account, identity);
    tx.about(linked.id);
    return linked;
  });
}

/**
 * Takes an identity off the account of somebody who is signed in; one that is not linked, or is another's,
 * is no error.
 *
 * @throws SoukError LAST_SIGN_IN_METHOD when nobody could sign in to the account any more
 */
export async function unlinkIdentity(
  { db }: AuthContext,
  scope: Scope,
  accountId: string,
  identityId: string,
): Promise<void> {
  await db.write(scope, async (tx) => {
    const account = await lockAccount(tx, accountId);
    const identities = await listIdentities(tx, accountId);
    if (!identities.some(({ id }) => id === identityId)) return;
    if (account.password_hash === null && identities.length === 1) {
      throw refuse(
        ErrorReason.LAST_SIGN_IN_METHOD,
        "nobody could sign in to the account any more; set a password first",
      );
    }
    await tx.sql.deleteFrom("linked_identity").where("id", "=", identityId).execute();
  });
}
