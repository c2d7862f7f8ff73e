import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { uuidv7 } from "uuidv7";
import { PasswordResetRequestedSchema } from "#gen/souk/auth/v1/events_pb.ts";
import type { Scope } from "#kit/scope.ts";
import type { StoredAccount } from "./accounts.ts";
import { revokeApiKeys } from "./api-keys.ts";
import {
  addressLimit,
  countAttempt,
  countIfLeft,
  forgetAttempts,
  mailLimit,
  passwordLimit,
  signInLimitOf,
} from "./attempts.ts";
import { setPassword } from "./change-password.ts";
import type { AuthContext } from "./context.ts";
import type { AuthDatabase, AuthTransaction } from "./database.ts";
import { makeMailedToken, spendMailedToken } from "./mailed-tokens.ts";
import { hashPassword } from "./password.ts";
import { requireStrongPassword } from "./password-strength.ts";
import { endSessions } from "./sessions.ts";
import { hashToken } from "./tokens.ts";
import { confirmAddress } from "./verify-email.ts";

const RESET_MS = 3_600_000;
/** How many requests one run of the job works on at most. */
const BATCH = 200;

/**
 * Takes a request for a mail that resets a password. Whether an account has the address is looked up
 * afterwards, by a job: until the answer is given the same is done for each address, so that neither
 * the answer nor its time tells.
 *
 * @throws SoukError TOO_MANY_ATTEMPTS when too much comes from where the request does
 */
export async function requestPasswordReset(
  { db }: AuthContext,
  scope: Scope,
  address: string,
): Promise<void> {
  const fromThere = addressLimit(scope.clientAddress);
  if (fromThere !== undefined) {
    const limit = { ...fromThere, key: `password reset ${fromThere.key}`, free: 20 };
    await countAttempt(db, scope, [limit]);
  }
  await db.write(scope, async (tx) => {
    await tx.sql
      .insertInto("password_reset_request")
      .values({ id: uuidv7(), email: address.toLowerCase() })
      .execute();
  });
}

/** Has mails sent for the requests that came since; nobody gets more than a few of them. */
export async function sendPasswordResets(db: AuthDatabase, scope: Scope): Promise<void> {
  await db.write(scope, async (tx) => {
    const requests = await tx.sql
      .deleteFrom("password_reset_request")
      .where("id", "in", (it) =>
        it.selectFrom("password_reset_request").select("id").orderBy("id").limit(BATCH),
      )
      .returning("email")
      .execute();
    for (const email of new Set(requests.map((request) => request.email).sort())) await mailReset(tx, email);
  });
}

async function mailReset(tx: AuthTransaction, email: string): Promise<void> {
  const account = await tx.sql
    .selectFrom("account")
    .select(["id", "email"])
    .where("email", "=", email)
    .where("disable_time", "is", null)
    .executeTakeFirst();
  if (account === undefined || !(await countIfLeft(tx, mailLimit("password reset", email)))) return;
  const { token, expireTime } = await makeMailedToken(tx, "reset-password", account, RESET_MS);
  tx.emit(PasswordResetRequestedSchema, {
    accountId: account.id,
    email,
    token,
    expireTime: timestampFromDate(expireTime),
  });
}

/**
 * Sets a new password with the token that was mailed, and ends every session. Who has the mail owns the
 * address, so it counts as confirmed from now on; where it was not confirmed before, somebody else may have
 * made the account, and whatever else signs in to it goes: one-time passwords, identities, API keys.
 *
 * @throws SoukError MAILED_TOKEN_INVALID or PASSWORD_TOO_WEAK; a token whose password is too weak is not spent
 */
export async function resetPassword(
  { db }: AuthContext,
  scope: Scope,
  token: string,
  password: string,
): Promise<void> {
  requireStrongPassword("new_password", password, await addressOf(db, token));
  const hash = await hashPassword(scope, password);
  await db.write(scope, async (tx) => {
    const { account } = await spendMailedToken(tx, "reset-password", token);
    tx.about(account.id);
    if (account.email_verify_time === null) await forgetOtherWaysIn(tx, account);
    await setPassword(tx, account, hash);
    await confirmAddress(tx, account);
    await endSessions(tx, account.id);
    await forgetAttempts(tx, [signInLimitOf(account.email), passwordLimit(account.id)]);
  });
}

/** An unknown token has no address; it is refused when it is spent, after the same work. */
async function addressOf(db: AuthDatabase, token: string): Promise<string> {
  const found = await db.sql
    .selectFrom("mailed_token")
    .select("email")
    .where("token_hash", "=", hashToken(token))
    .executeTakeFirst();
  return found?.email ?? "";
}

async function forgetOtherWaysIn(tx: AuthTransaction, { id }: StoredAccount): Promise<void> {
  await tx.sql.deleteFrom("second_factor").where("account_id", "=", id).execute();
  await tx.sql.deleteFrom("linked_identity").where("account_id", "=", id).execute();
  await revokeApiKeys(tx, id);
}
