import { sql } from "kysely";
import { RefreshTokenReusedSchema } from "#gen/souk/auth/v1/events_pb.ts";
import { standing } from "#kit/data/audit.ts";
import type { SoukError } from "#kit/error.ts";
import type { User } from "#kit/principal.ts";
import type { Scope } from "#kit/scope.ts";
import { ACCOUNT, type StoredAccount } from "./accounts.ts";
import type { AuthContext } from "./context.ts";
import type { AuthDatabase, AuthTransaction } from "./database.ts";
import { ErrorReason, refuse } from "./errors.ts";
import { type SignedIn, signedIn } from "./sign-in.ts";
import { hashToken, makeToken } from "./tokens.ts";

/** A sign-in. */
export interface StoredSession {
  readonly id: string;
  readonly ip_address: string | null;
  readonly user_agent: string | null;
  readonly create_time: Date;
  readonly last_use_time: Date;
  readonly expire_time: Date;
  readonly end_time: Date | null;
}

const LISTED = 100;
const SESSION = [
  "id",
  "ip_address",
  "user_agent",
  "create_time",
  "last_use_time",
  "expire_time",
  "end_time",
] as const;

/**
 * Exchanges a refresh token for new tokens. A token serves once: when it comes again, somebody
 * else has it, and its session is ended with all that descends from it (RFC 9700, 4.14.2).
 *
 * @throws SoukError REFRESH_TOKEN_INVALID or REFRESH_TOKEN_REUSED
 */
export async function refresh(auth: AuthContext, scope: Scope, refreshToken: string): Promise<SignedIn> {
  const tokenHash = hashToken(refreshToken);
  const { user, session } = await auth.db.write(scope, async (tx) => {
    const renewed = await renew(auth, tx, scope, tokenHash);
    if (renewed === undefined) throw await refuseRefresh(tx, tokenHash);
    tx.about(renewed.user.id);
    return renewed;
  });
  return signedIn(auth, scope, user, session);
}

/**
 * Ends the session that a refresh token belongs to; an unknown token is no error.
 *
 * @param refreshToken any token of the session
 */
export async function logout({ db }: AuthContext, scope: Scope, refreshToken: string): Promise<void> {
  await db.write(scope, (tx) =>
    tx.sql
      .updateTable("session")
      .from("refresh_token")
      .set({ end_time: sql<Date>`now()` })
      .whereRef("session.id", "=", "refresh_token.session_id")
      .where("token_hash", "=", hashToken(refreshToken))
      .where("end_time", "is", null)
      .execute(),
  );
}

/**
 * Ends the sessions of somebody who is signed in.
 *
 * @param keepCurrent whether the one that asks goes on
 * @returns how many were ended
 */
export function logoutEverywhere(
  { db }: AuthContext,
  scope: Scope,
  user: User,
  keepCurrent: boolean,
): Promise<number> {
  return db.write(scope, (tx) => endSessions(tx, user.id, keepCurrent ? user.sessionId : undefined));
}

/** The sessions of an account that are still good, the one used last first. */
export function listSessions(db: AuthDatabase, accountId: string): Promise<StoredSession[]> {
  return db.sql
    .selectFrom("session")
    .select(SESSION)
    .where("account_id", "=", accountId)
    .where("end_time", "is", null)
    .where("expire_time", ">", sql<Date>`now()`)
    .orderBy("last_use_time", "desc")
    .orderBy("id", "desc")
    .limit(LISTED)
    .execute();
}

/**
 * The sessions of an account that are over, the one that began last first.
 *
 * @param before the last one that was given; undefined for the beginning
 * @param limit how many at most
 */
export function listEndedSessions(
  db: AuthDatabase,
  accountId: string,
  before: string | undefined,
  limit: number,
): Promise<StoredSession[]> {
  return db.sql
    .selectFrom("session")
    .select(SESSION)
    .where("account_id", "=", accountId)
    .where((it) => it.or([it("end_time", "is not", null), it("expire_time", "<=", sql<Date>`now()`)]))
    .$if(before !== undefined, (query) => query.where("id", "<", before as string))
    .orderBy("id", "desc")
    .limit(limit)
    .execute();
}

/**
 * Ends a session of somebody who is signed in; one that is over is no error.
 *
 * @throws SoukError SESSION_NOT_FOUND when the account never had such a session
 */
export async function revokeSession(
  { db }: AuthContext,
  scope: Scope,
  accountId: string,
  sessionId: string,
): Promise<void> {
  const known = await db.write(scope, (tx) =>
    tx.sql
      .updateTable("session")
      .set({ end_time: sql<Date>`coalesce(end_time, now())` })
      .where("id", "=", sessionId)
      .where("account_id", "=", accountId)
      .returning("id")
      .executeTakeFirst(),
  );
  if (known === undefined) {
    throw refuse(ErrorReason.SESSION_NOT_FOUND, "the account has no such session; list its sessions");
  }
}

/**
 * Ends the sessions of an account, in the transaction of what is the reason.
 *
 * @param but the one that goes on
 * @returns how many were ended
 */
export async function endSessions(tx: AuthTransaction, accountId: string, but?: string): Promise<number> {
  const { numUpdatedRows } = await tx.sql
    .updateTable("session")
    .set({ end_time: sql<Date>`now()` })
    .where("account_id", "=", accountId)
    .where("end_time", "is", null)
    .where("expire_time", ">", sql<Date>`now()`)
    .$if(but !== undefined, (query) => query.where("id", "!=", but as string))
    .executeTakeFirstOrThrow();
  return Number(numUpdatedRows);
}

/** Spends a token and gives the next one; undefined when the token, its session or its account is not good. */
async function renew(
  { lifetimes }: AuthContext,
  tx: AuthTransaction,
  { clientAddress, userAgent }: Scope,
  tokenHash: Buffer,
): Promise<{ user: StoredAccount; session: { sessionId: string; refreshToken: string } } | undefined> {
  const expire_time = new Date(Date.now() + lifetimes.refreshMs);
  const renewed = await tx.sql
    .with("spent", (it) =>
      it
        .updateTable("refresh_token")
        .set({ use_time: sql<Date>`now()` })
        .where("token_hash", "=", tokenHash)
        .where("use_time", "is", null)
        .where("expire_time", ">", sql<Date>`now()`)
        .where(({ exists, selectFrom }) =>
          exists(
            selectFrom("session as of")
              .select("of.id")
              .whereRef("of.id", "=", "refresh_token.session_id")
              .where("of.end_time", "is", null),
          ),
        )
        .returning("session_id"),
    )
    .updateTable("session")
    .from("spent")
    .innerJoin("account", (join) => join.onTrue())
    .set({
      last_use_time: sql<Date>`now()`,
      expire_time,
      ...(clientAddress !== undefined && { ip_address: clientAddress }),
      ...(userAgent !== undefined && { user_agent: userAgent }),
    })
    .whereRef("session.id", "=", "spent.session_id")
    .whereRef("account.id", "=", "session.account_id")
    .where("session.end_time", "is", null)
    .where("account.disable_time", "is", null)
    .returning([...ACCOUNT, "session.id as session_id"])
    .executeTakeFirst();
  if (renewed === undefined) return undefined;
  const { session_id, ...user } = renewed;
  const refreshToken = makeToken();
  await tx.sql
    .insertInto("refresh_token")
    .values({ token_hash: hashToken(refreshToken), session_id, expire_time })
    .execute();
  return { user, session: { sessionId: session_id, refreshToken } };
}

/** The end of the session of a token that comes again stands although the call is refused. */
async function refuseRefresh(tx: AuthTransaction, tokenHash: Buffer): Promise<SoukError> {
  if (await endSessionOfSpent(tx, tokenHash)) {
    const message = "the refresh token was used before, so its session was ended; sign in again";
    return standing(refuse(ErrorReason.REFRESH_TOKEN_REUSED, message));
  }
  const message = "the refresh token is not good, or no longer; sign in again";
  return refuse(ErrorReason.REFRESH_TOKEN_INVALID, message);
}

async function endSessionOfSpent(tx: AuthTransaction, tokenHash: Buffer): Promise<boolean> {
  const ended = await tx.sql
    .updateTable("session")
    .from("refresh_token")
    .innerJoin("account", (join) => join.onTrue())
    .set({ end_time: sql<Date>`now()` })
    .whereRef("session.id", "=", "refresh_token.session_id")
    .whereRef("account.id", "=", "session.account_id")
    .where("token_hash", "=", tokenHash)
    .where("use_time", "is not", null)
    .where("end_time", "is", null)
    .returning(["session.id", "account.id as account_id", "account.email"])
    .executeTakeFirst();
  if (ended === undefined) return false;
  tx.about(ended.account_id);
  tx.emit(RefreshTokenReusedSchema, {
    accountId: ended.account_id,
    email: ended.email,
    sessionId: ended.id,
  });
  return true;
}
