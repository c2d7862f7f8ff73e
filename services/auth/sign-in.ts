import { sql } from "kysely";
import { uuidv7 } from "uuidv7";
import type { Scope } from "#kit/scope.ts";
import { ACCOUNT, type StoredAccount } from "./accounts.ts";
import {
  addressLimit,
  countAttempt,
  countFailure,
  forgetAttempts,
  type Limit,
  requireLeft,
  secondFactorLimit,
  signInLimits,
} from "./attempts.ts";
import type { AuthContext } from "./context.ts";
import type { AuthDatabase, AuthTransaction } from "./database.ts";
import { ErrorReason, refuse } from "./errors.ts";
import { isPassword } from "./password.ts";
import { hasSecondFactor, type ProvenFactor, requireFactor } from "./second-factor.ts";
import { hashToken, makeToken, signAccessToken } from "./tokens.ts";

/** Somebody who just signed in. */
export interface SignedIn {
  readonly user: StoredAccount;
  readonly accessToken: string;
  readonly refreshToken: string;
  /** How long the access token is good for, in seconds. */
  readonly expiresIn: number;
}

/** Somebody who proved one factor and has to prove another. */
export interface Challenge {
  readonly challengeToken: string;
  readonly expireTime: Date;
}

/** How a sign-in went on. */
export type SignInStep =
  | { readonly signedIn: SignedIn; readonly challenge?: never }
  | { readonly challenge: Challenge; readonly signedIn?: never };

/** A sign-in that is good for tokens. */
export interface OpenedSession {
  readonly sessionId: string;
  readonly refreshToken: string;
}

/** How long somebody may look for the authenticator, in ms. */
const CHALLENGE_MS = 5 * 60_000;
/** From where an account signed in within this time counts as usual. */
const USUAL = "90 days";

/**
 * Signs in with e-mail address and password.
 *
 * @throws SoukError CREDENTIALS_INVALID, whichever of the two is wrong; TOO_MANY_ATTEMPTS, whether or not
 *   there is such an account; ACCOUNT_DISABLED to those who know the password
 */
export async function login(
  auth: AuthContext,
  scope: Scope,
  address: string,
  password: string,
): Promise<SignInStep> {
  const email = address.toLowerCase();
  const fromThere = addressLimit(scope.clientAddress);
  const [account] = await Promise.all([
    findAccount(auth.db, email, scope.clientAddress),
    requireLeft(auth.db, fromThere),
  ]);
  const limits = signInLimits(email, scope.clientAddress, account?.is_usual ?? false);
  await countAttempt(auth.db, scope, limits);
  const matches = await isPassword(scope, password, account?.password_hash);
  if (account === undefined || !matches) {
    await countFailure(auth.db, scope, fromThere);
    throw refuse(ErrorReason.CREDENTIALS_INVALID, "no account has this e-mail address and password");
  }
  return goOn(auth, scope, account, limits);
}

/**
 * Lets somebody in whose first factor is proven, or asks for the second one.
 *
 * @param account as it was when the factor was proven
 * @param limits what is forgotten now
 * @throws SoukError ACCOUNT_DISABLED
 */
export async function goOn(
  auth: AuthContext,
  scope: Scope,
  account: StoredAccount,
  limits: readonly Limit[] = [],
): Promise<SignInStep> {
  requireEnabled(account);
  const step = await auth.db.write(scope, async (tx) => {
    await forgetAttempts(tx, limits);
    if (await hasSecondFactor(tx, account.id)) return { challenge: await challengeFor(tx, account.id) };
    return { session: await openSession(auth, tx, scope, account) };
  });
  if (step.challenge !== undefined) return { challenge: step.challenge };
  return { signedIn: await signedIn(auth, scope, account, step.session) };
}

/**
 * Signs in with the second factor after the first one.
 *
 * @param challengeToken what the first one gave; it serves once
 * @throws SoukError CHALLENGE_INVALID, SECOND_FACTOR_INVALID, TOO_MANY_ATTEMPTS or ACCOUNT_DISABLED
 */
export async function completeLogin(
  auth: AuthContext,
  scope: Scope,
  challengeToken: string,
  factor: ProvenFactor,
): Promise<SignedIn> {
  const tokenHash = hashToken(challengeToken);
  const waiting = await auth.db.sql
    .selectFrom("login_challenge")
    .select("account_id")
    .where("token_hash", "=", tokenHash)
    .where("expire_time", ">", sql<Date>`now()`)
    .executeTakeFirst();
  if (waiting === undefined) throw challengeInvalid();
  const limits = [secondFactorLimit(waiting.account_id)];
  await countAttempt(auth.db, scope, limits);
  const { account, session } = await auth.db.write(scope, async (tx) => {
    const account = await takeChallenge(tx, tokenHash);
    if (account === undefined) throw challengeInvalid();
    requireEnabled(account);
    await requireFactor(auth, tx, account.id, factor);
    await forgetAttempts(tx, limits);
    return { account, session: await openSession(auth, tx, scope, account) };
  });
  return signedIn(auth, scope, account, session);
}

/**
 * Opens a session and gives out its first refresh token.
 *
 * @param tx the transaction of the sign-in
 * @param account as it was when its factors were proven
 * @throws SoukError CREDENTIALS_INVALID when the account was disabled or got another password since
 */
export async function openSession(
  { lifetimes }: AuthContext,
  tx: AuthTransaction,
  { clientAddress, userAgent }: Scope,
  { id, password_hash }: StoredAccount,
): Promise<OpenedSession> {
  tx.about(id);
  const sessionId = uuidv7();
  const refreshToken = makeToken();
  const expire_time = new Date(Date.now() + lifetimes.refreshMs);
  const [{ numUpdatedRows }] = await Promise.all([
    tx.sql
      .updateTable("account")
      .set({ last_login_time: sql<Date>`now()` })
      .where("id", "=", id)
      .where("disable_time", "is", null)
      .where("password_hash", "is not distinct from", password_hash)
      .executeTakeFirstOrThrow(),
    tx.sql
      .insertInto("session")
      .values({
        id: sessionId,
        account_id: id,
        ip_address: clientAddress ?? null,
        user_agent: userAgent ?? null,
        expire_time,
      })
      .execute(),
    tx.sql
      .insertInto("refresh_token")
      .values({ token_hash: hashToken(refreshToken), session_id: sessionId, expire_time })
      .execute(),
  ]);
  if (numUpdatedRows !== 1n) {
    throw refuse(ErrorReason.CREDENTIALS_INVALID, "the account was changed meanwhile; sign in again");
  }
  return { sessionId, refreshToken };
}

/**
 * Puts an access token beside a refresh token.
 *
 * @param user whom they are for
 * @param session what they come from
 */
export async function signedIn(
  { keys, lifetimes }: AuthContext,
  scope: Scope,
  user: StoredAccount,
  { sessionId, refreshToken }: OpenedSession,
): Promise<SignedIn> {
  const key = await keys.current(scope);
  const accessToken = signAccessToken({ ...user, sessionId }, key, lifetimes.accessMs);
  return { user, accessToken, refreshToken, expiresIn: Math.floor(lifetimes.accessMs / 1000) };
}

/** @throws SoukError ACCOUNT_DISABLED */
export function requireEnabled({ disable_time }: Pick<StoredAccount, "disable_time">): void {
  if (disable_time !== null) {
    throw refuse(ErrorReason.ACCOUNT_DISABLED, "the account is disabled; ask the shop why");
  }
}

function findAccount(db: AuthDatabase, email: string, clientAddress: string | undefined) {
  return db.sql
    .selectFrom("account")
    .select([
      ...ACCOUNT,
      sql<boolean>`exists (
        select from session where account_id = account.id and ip_address = ${clientAddress ?? null}
          and last_use_time > now() - interval '${sql.raw(USUAL)}')`.as("is_usual"),
    ])
    .where("email", "=", email)
    .executeTakeFirst();
}

async function challengeFor(tx: AuthTransaction, accountId: string): Promise<Challenge> {
  tx.about(accountId);
  const challengeToken = makeToken();
  const expireTime = new Date(Date.now() + CHALLENGE_MS);
  await tx.sql
    .insertInto("login_challenge")
    .values({ token_hash: hashToken(challengeToken), account_id: accountId, expire_time: expireTime })
    .execute();
  return { challengeToken, expireTime };
}

function takeChallenge(tx: AuthTransaction, tokenHash: Buffer): Promise<StoredAccount | undefined> {
  return tx.sql
    .deleteFrom("login_challenge")
    .using("account")
    .whereRef("account.id", "=", "login_challenge.account_id")
    .where("token_hash", "=", tokenHash)
    .returning(ACCOUNT)
    .executeTakeFirst();
}

function challengeInvalid() {
  return refuse(ErrorReason.CHALLENGE_INVALID, "the challenge is not good, or no longer; sign in again");
}
