import { uuidv7 } from "uuidv7";
import { AccountRegisteredSchema } from "#gen/souk/auth/v1/events_pb.ts";
import type { Scope } from "#kit/scope.ts";
import type { AuthDatabase, AuthTransaction } from "./database.ts";
import { ErrorReason, refuse } from "./errors.ts";
import { hashPassword, isPassword } from "./password.ts";
import type { SigningKeys } from "./signing-keys.ts";
import { issueRefreshToken, signAccessToken, type TokenLifetimes, type TokenSubject } from "./tokens.ts";

/** What signing in works with. */
export interface AuthContext {
  readonly db: AuthDatabase;
  readonly keys: SigningKeys;
  readonly lifetimes: TokenLifetimes;
}

/** Somebody who just signed in. */
export interface SignedIn {
  readonly user: TokenSubject;
  readonly accessToken: string;
  readonly refreshToken: string;
  /** How long the access token is good for, in seconds. */
  readonly expiresIn: number;
}

/** What a new account is made of. */
export interface Registration {
  readonly email: string;
  readonly password: string;
  readonly firstName: string;
  readonly lastName: string;
}

/**
 * Creates an account and signs it in.
 *
 * @throws SoukError EMAIL_TAKEN
 */
export async function register(
  auth: AuthContext,
  scope: Scope,
  registration: Registration,
): Promise<SignedIn> {
  const email = registration.email.toLowerCase();
  const passwordHash = await hashPassword(registration.password);
  const user = { id: uuidv7(), email, roles: ["customer"] };
  const refreshToken = await auth.db.write(scope, async (tx) => {
    const { numInsertedOrUpdatedRows } = await tx.sql
      .insertInto("account")
      .values({ id: user.id, email, password_hash: passwordHash, roles: user.roles })
      .onConflict((conflict) => conflict.column("email").doNothing())
      .executeTakeFirstOrThrow();
    if (numInsertedOrUpdatedRows !== 1n) {
      throw refuse(ErrorReason.EMAIL_TAKEN, "an account with this e-mail address exists; sign in instead", {
        violations: [{ field: "email", description: "is taken" }],
      });
    }
    const { firstName, lastName } = registration;
    tx.emit(AccountRegisteredSchema, { accountId: user.id, email, firstName, lastName });
    return startSession(auth, tx, user);
  });
  return signedIn(auth, scope, user, refreshToken);
}

/**
 * Signs in with e-mail address and password.
 *
 * @throws SoukError CREDENTIALS_INVALID, whichever of the two is wrong
 */
export async function login(
  auth: AuthContext,
  scope: Scope,
  email: string,
  password: string,
): Promise<SignedIn> {
  const account = await auth.db.sql
    .selectFrom("account")
    .select(["id", "email", "roles", "password_hash"])
    .where("email", "=", email.toLowerCase())
    .executeTakeFirst();
  const matches = await isPassword(password, account?.password_hash);
  if (account === undefined || !matches) {
    throw refuse(ErrorReason.CREDENTIALS_INVALID, "no account has this e-mail address and password");
  }
  const user = { id: account.id, email: account.email, roles: account.roles };
  const refreshToken = await auth.db.write(scope, (tx) => startSession(auth, tx, user));
  return signedIn(auth, scope, user, refreshToken);
}

function startSession({ lifetimes }: AuthContext, tx: AuthTransaction, user: TokenSubject): Promise<string> {
  tx.about(user.id);
  return issueRefreshToken(tx, user.id, uuidv7(), lifetimes.refreshMs);
}

/**
 * Puts an access token beside a refresh token.
 *
 * @param user whom they are for
 * @param refreshToken the refresh token
 */
export async function signedIn(
  { keys, lifetimes }: AuthContext,
  scope: Scope,
  user: TokenSubject,
  refreshToken: string,
): Promise<SignedIn> {
  const accessToken = signAccessToken(user, await keys.current(scope), lifetimes.accessMs);
  return { user, accessToken, refreshToken, expiresIn: Math.floor(lifetimes.accessMs / 1000) };
}
