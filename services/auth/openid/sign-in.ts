import type { Scope } from "#kit/scope.ts";
import { ACCOUNT, type StoredAccount } from "../accounts.ts";
import type { AuthContext } from "../context.ts";
import type { AuthTransaction } from "../database.ts";
import { ErrorReason, refuse } from "../errors.ts";
import { createAccount } from "../register.ts";
import { goOn, type SignInStep } from "../sign-in.ts";
import { mailVerification } from "../verify-email.ts";
import { finishFlow, type OutsideIdentity, type Returned } from "./flow.ts";
import { findAccountOf, identityTaken, linkIdentity } from "./identities.ts";
import type { Providers } from "./providers.ts";

/** How a sign-in through a provider went on. */
export interface OutsideSignIn {
  readonly account: StoredAccount;
  readonly step: SignInStep;
  /** Whether the account is new. */
  readonly accountCreated: boolean;
}

/**
 * Signs in with what a provider vouches for. A second factor of the account is asked for all the same.
 *
 * @throws SoukError OPENID_STATE_INVALID, OPENID_PROVIDER_UNAVAILABLE, OPENID_SIGN_IN_REFUSED,
 *   IDENTITY_TAKEN or ACCOUNT_DISABLED
 */
export async function completeOpenIdLogin(
  auth: AuthContext,
  providers: Providers,
  scope: Scope,
  returned: Returned,
): Promise<OutsideSignIn> {
  const identity = await finishFlow(auth.db, providers, scope, returned, null);
  const { account, accountCreated } = await auth.db.write(scope, async (tx) => {
    const found = await accountFor(tx, identity);
    tx.about(found.account.id);
    return found;
  });
  return { account, accountCreated, step: await goOn(auth, scope, account) };
}

/**
 * Finds the account that an identity signs in to, or makes one.
 *
 * An identity that is linked to no account is linked to the one with its e-mail address by itself only
 * where that is safe, which takes all three of these:
 * - The provider says that the address is the user's (email_verified).
 * - The shop takes this provider's word for it (trustEmail in the settings): some providers let their
 *   users write any address.
 * - The owner of our account has confirmed the address. Otherwise a stranger could have registered it
 *   beforehand, with a password of his own, and would share the account from now on.
 * Everybody else is asked to sign in to the account first and link the identity there.
 */
async function accountFor(
  tx: AuthTransaction,
  identity: OutsideIdentity,
): Promise<{ account: StoredAccount; accountCreated: boolean }> {
  const linked = await findAccountOf(tx, identity);
  if (linked !== undefined) return { account: linked, accountCreated: false };

  const { email, emailVerified, provider, firstName, lastName } = identity;
  if (email === "") {
    throw refuse(
      ErrorReason.OPENID_SIGN_IN_REFUSED,
      `the OpenID provider ${provider.id} tells no e-mail address; let it tell yours and begin again`,
    );
  }
  const isOwner = emailVerified && provider.trustEmail;
  const existing = await tx.sql
    .selectFrom("account")
    .select(ACCOUNT)
    .where("email", "=", email)
    .forUpdate()
    .executeTakeFirst();
  if (existing !== undefined) {
    if (!isOwner || existing.email_verify_time === null) throw identityTaken();
    await linkIdentity(tx, existing, identity);
    return { account: existing, accountCreated: false };
  }
  const account = await createAccount(tx, {
    email,
    firstName: firstName || email.slice(0, email.indexOf("@")).slice(0, 100),
    lastName,
    password_hash: null,
    emailVerified: isOwner,
  });
  await linkIdentity(tx, account, identity);
  if (!isOwner) await mailVerification(tx, account);
  return { account, accountCreated: true };
}
