import { sql } from "kysely";
import {
  authorizationCodeGrant,
  buildAuthorizationUrl,
  ClientError,
  calculatePKCECodeChallenge,
  fetchUserInfo,
  type IDToken,
  ResponseBodyError,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from "openid-client";
import type { Scope } from "#kit/scope.ts";
import { aside } from "../aside.ts";
import type { AuthDatabase } from "../database.ts";
import { ErrorReason, refuse } from "../errors.ts";
import { hashToken } from "../tokens.ts";
import { type Provider, type Providers, providerUnavailable } from "./providers.ts";

/** Where to send the browser. */
export interface StartedFlow {
  readonly authorizationUri: string;
  readonly state: string;
  readonly expireTime: Date;
}

/** What the provider sent the browser back with. */
export interface Returned {
  readonly state: string;
  readonly code: string;
  /** The issuer, where the provider sent one along (RFC 9207); "" otherwise. */
  readonly issuer: string;
}

/** What a provider vouches for. */
export interface OutsideIdentity {
  readonly provider: Provider["settings"];
  /** What the provider knows the user by. */
  readonly subject: string;
  /** In lower case; "" when the provider told none. */
  readonly email: string;
  /** Whether the provider says that the address is the user's. */
  readonly emailVerified: boolean;
  readonly firstName: string;
  readonly lastName: string;
}

const FLOW_MS = 10 * 60_000;
const NAME_LENGTH = 100;

/**
 * Begins a way through a provider: authorization code with PKCE (RFC 7636). State, nonce and code
 * verifier are kept here, so that a browser can lose or change none of them; the state hashed.
 *
 * @param accountId the account to link to; null for a sign-in
 * @throws SoukError OPENID_PROVIDER_NOT_FOUND, OPENID_PROVIDER_UNAVAILABLE or REDIRECT_URI_REFUSED
 */
export async function startFlow(
  db: AuthDatabase,
  providers: Providers,
  scope: Scope,
  providerId: string,
  redirectUri: string,
  accountId: string | null,
): Promise<StartedFlow> {
  providers.requireAllowed(redirectUri);
  const { client } = await providers.find(providerId);
  const state = randomState();
  const nonce = randomNonce();
  const codeVerifier = randomPKCECodeVerifier();
  const expireTime = new Date(Date.now() + FLOW_MS);
  await db.write(scope, async (tx) => {
    await tx.sql
      .insertInto("openid_flow")
      .values({
        state_hash: hashToken(state),
        provider_id: providerId,
        account_id: accountId,
        redirect_uri: redirectUri,
        code_verifier: codeVerifier,
        nonce,
        expire_time: expireTime,
      })
      .execute();
  });
  const authorizationUri = buildAuthorizationUrl(client, {
    redirect_uri: redirectUri,
    scope: "openid email profile",
    state,
    nonce,
    code_challenge: await calculatePKCECodeChallenge(codeVerifier),
    code_challenge_method: "S256",
  });
  return { authorizationUri: authorizationUri.href, state, expireTime };
}

/**
 * Ends a way through a provider. The state is spent whatever comes of it.
 *
 * @param accountId who began it; null for a sign-in
 * @throws SoukError OPENID_STATE_INVALID, OPENID_PROVIDER_UNAVAILABLE or OPENID_SIGN_IN_REFUSED
 */
export async function finishFlow(
  db: AuthDatabase,
  providers: Providers,
  scope: Scope,
  { state, code, issuer }: Returned,
  accountId: string | null,
): Promise<OutsideIdentity> {
  const flow = await db.write(aside(scope), (tx) =>
    tx.sql
      .deleteFrom("openid_flow")
      .where("state_hash", "=", hashToken(state))
      .where("account_id", accountId === null ? "is" : "=", accountId)
      .where("expire_time", ">", sql<Date>`now()`)
      .returning(["provider_id", "redirect_uri", "code_verifier", "nonce"])
      .executeTakeFirst(),
  );
  if (flow === undefined) {
    throw refuse(ErrorReason.OPENID_STATE_INVALID, "the state is not good, or no longer; begin again");
  }
  const provider = await providers.find(flow.provider_id);
  const { client, settings } = provider;
  const returnedTo = new URL(flow.redirect_uri);
  returnedTo.searchParams.set("code", code);
  returnedTo.searchParams.set("state", state);
  if (issuer !== "") returnedTo.searchParams.set("iss", issuer);
  try {
    const tokens = await authorizationCodeGrant(client, returnedTo, {
      expectedState: state,
      expectedNonce: flow.nonce,
      pkceCodeVerifier: flow.code_verifier,
      idTokenExpected: true,
    });
    const claims = tokens.claims() as IDToken;
    // Many providers tell of the user only where they are asked.
    const asked = client.serverMetadata().userinfo_endpoint !== undefined && claims["email"] === undefined;
    const told = asked ? await fetchUserInfo(client, tokens.access_token, claims.sub) : claims;
    return identityOf(settings, claims.sub, told);
  } catch (thrown) {
    throw toRefusal(settings.id, thrown);
  }
}

function identityOf(
  provider: Provider["settings"],
  subject: string,
  told: Readonly<Record<string, unknown>>,
): OutsideIdentity {
  const text = (name: string) => (typeof told[name] === "string" ? (told[name] as string).trim() : "");
  const [first = "", ...rest] = text("name").split(/\s+/);
  return {
    provider,
    subject,
    email: text("email").toLowerCase(),
    emailVerified: told["email_verified"] === true,
    firstName: (text("given_name") || first).slice(0, NAME_LENGTH),
    lastName: (text("family_name") || rest.join(" ")).slice(0, NAME_LENGTH),
  };
}

/** A provider that answers with a refusal, or with what does not add up, does not vouch for the sign-in. */
function toRefusal(id: string, thrown: unknown) {
  const away = thrown instanceof ClientError && /TIMEOUT|ABORT/.test(thrown.code ?? "");
  const broken = thrown instanceof ResponseBodyError && thrown.status >= 500;
  if (away || broken || thrown instanceof TypeError) return providerUnavailable(id, thrown);
  return refuse(
    ErrorReason.OPENID_SIGN_IN_REFUSED,
    `the OpenID provider ${id} does not vouch for this sign-in; begin again`,
    { cause: thrown },
  );
}
