import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { StoredAccount } from "../accounts.ts";
import type { StoredIdentity } from "../openid/identities.ts";
import type { Challenge, SignedIn } from "../sign-in.ts";

/** The account as its owner sees it. */
export function toAccount({ id, email, roles, email_verify_time }: StoredAccount) {
  return { id, email, roles, emailVerified: email_verify_time !== null };
}

/** The tokens of somebody who signed in. */
export function toTokens({ accessToken, refreshToken, expiresIn }: SignedIn) {
  return { accessToken, refreshToken, expiresIn };
}

/** A sign-in that waits for its second factor. */
export function toChallenge({ challengeToken, expireTime }: Challenge) {
  return { challengeToken, expireTime: timestampFromDate(expireTime) };
}

/** An identity of an outside OpenID provider. */
export function toIdentity({ id, provider_id, email, create_time }: StoredIdentity) {
  return { id, providerId: provider_id, email, createTime: timestampFromDate(create_time) };
}
