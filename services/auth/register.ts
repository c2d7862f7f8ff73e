import { uuidv7 } from "uuidv7";
import { AccountRegisteredSchema } from "#gen/souk/auth/v1/events_pb.ts";
import type { Scope } from "#kit/scope.ts";
import { CUSTOMER, type StoredAccount } from "./accounts.ts";
import type { AuthContext } from "./context.ts";
import type { AuthTransaction } from "./database.ts";
import { ErrorReason, refuse } from "./errors.ts";
import { hashPassword } from "./password.ts";
import { requireStrongPassword } from "./password-strength.ts";
import { openSession, type SignedIn, signedIn } from "./sign-in.ts";
import { mailVerification } from "./verify-email.ts";

/** What a new account is made of. */
export interface Registration {
  readonly email: string;
  readonly password: string;
  readonly firstName: string;
  readonly lastName: string;
}

/**
 * Creates an account, signs it in and has a token mailed that confirms its address.
 *
 * @throws SoukError EMAIL_TAKEN or PASSWORD_TOO_WEAK
 */
export async function register(
  auth: AuthContext,
  scope: Scope,
  registration: Registration,
): Promise<SignedIn> {
  const { email, password } = registration;
  requireStrongPassword("password", password, email);
  const password_hash = await hashPassword(scope, password);
  const { account, session } = await auth.db.write(scope, async (tx) => {
    const account = await createAccount(tx, { ...registration, password_hash });
    const [session] = await Promise.all([
      openSession(auth, tx, scope, account),
      mailVerification(tx, account),
    ]);
    return { account, session };
  });
  return signedIn(auth, scope, account, session);
}

/** An account to be made. */
export interface NewAccount {
  readonly email: string;
  readonly firstName: string;
  readonly lastName: string;
  /** Null for one that signs in through an OpenID provider only. */
  readonly password_hash: string | null;
  /** Its roles beside that of every customer. */
  readonly roles?: readonly string[];
  /** Whether the address is known to be its owner's. */
  readonly emailVerified?: boolean;
}

/**
 * Makes an account in a transaction.
 *
 * @throws SoukError EMAIL_TAKEN
 */
export async function createAccount(tx: AuthTransaction, wanted: NewAccount): Promise<StoredAccount> {
  const { firstName, lastName, password_hash, roles = [], emailVerified = false } = wanted;
  const account: StoredAccount = {
    id: uuidv7(),
    email: wanted.email.toLowerCase(),
    roles: [...new Set([CUSTOMER, ...roles])],
    password_hash,
    email_verify_time: emailVerified ? new Date() : null,
    disable_time: null,
  };
  const { numInsertedOrUpdatedRows } = await tx.sql
    .insertInto("account")
    .values(account)
    .onConflict((conflict) => conflict.column("email").doNothing())
    .executeTakeFirstOrThrow();
  if (numInsertedOrUpdatedRows !== 1n) {
    throw refuse(ErrorReason.EMAIL_TAKEN, "an account with this e-mail address exists; sign in instead", {
      violations: [{ field: "email", description: "is taken" }],
    });
  }
  tx.emit(AccountRegisteredSchema, { accountId: account.id, email: account.email, firstName, lastName });
  return account;
}
