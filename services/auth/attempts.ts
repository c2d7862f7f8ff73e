import { createHash } from "node:crypto";
import { networkOf } from "#kit/policy/rate.ts";
import type { Scope } from "#kit/scope.ts";
import { aside } from "./aside.ts";
import type { AuthDatabase, AuthTransaction } from "./database.ts";
import { ErrorReason, refuse } from "./errors.ts";

/** Something of which only so many attempts may fail. */
export interface Limit {
  /** What is counted, for example "sign-in account ada@example.com". It is stored hashed. */
  readonly key: string;
  /** So many attempts go without delay. */
  readonly free: number;
  /** The longest delay, in ms. The first one is a second, and each is twice the one before. */
  readonly longestMs: number;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** After so long without an attempt all is forgotten. */
const FORGET = "1 day";

/**
 * What limits signing in.
 *
 * One address that guesses at one account is slowed down to a guess in a quarter of an hour, and one
 * that guesses at many to one a minute. Many addresses that guess at one account are slowed down to a
 * guess a minute among them all: whoever wants to keep somebody out can do no more than that. The
 * owner of the account is not held up by it at an address from which he signed in before, and anywhere
 * else not after he has set a new password by mail. An address without an account is counted alike.
 *
 * @param email the address of the account, in lower case
 * @param clientAddress from where
 * @param isUsual whether the account signed in from there before
 */
export function signInLimits(
  email: string,
  clientAddress: string | undefined,
  isUsual: boolean,
): readonly Limit[] {
  const pair: Limit = {
    key: `sign-in ${email} from ${networkOf(clientAddress ?? "")}`,
    free: 10,
    longestMs: 15 * MINUTE,
  };
  return isUsual ? [pair] : [signInLimitOf(email), pair];
}

/** What limits signing in to one account from everywhere. */
export function signInLimitOf(email: string): Limit {
  return { key: `sign-in ${email}`, free: 30, longestMs: MINUTE };
}

/** What limits attempts of all kinds from one address. Only those that failed are counted. */
export function addressLimit(clientAddress: string | undefined): Limit | undefined {
  if (clientAddress === undefined) return undefined;
  return { key: `address ${networkOf(clientAddress)}`, free: 100, longestMs: MINUTE };
}

/** What limits guessing at one-time passwords and recovery codes; the password is known by then. */
export function secondFactorLimit(accountId: string): Limit {
  return { key: `second factor ${accountId}`, free: 5, longestMs: 15 * MINUTE };
}

/** What limits guessing at the password of an account in which one is signed in. */
export function passwordLimit(accountId: string): Limit {
  return { key: `password ${accountId}`, free: 5, longestMs: 15 * MINUTE };
}

/** What limits the mails that somebody can have sent to an address. */
export function mailLimit(purpose: string, email: string): Limit {
  return { key: `mail ${purpose} ${email}`, free: 3, longestMs: 60 * MINUTE };
}

/**
 * Counts an attempt before it is made, so that many at once are as many; attempts that succeed are
 * then forgotten. It is kept in the database, where all replicas see it and it outlasts any of them.
 *
 * @param limits of which none may be used up, always in the same order
 * @throws SoukError TOO_MANY_ATTEMPTS; nothing is counted then
 */
export async function countAttempt(db: AuthDatabase, scope: Scope, limits: readonly Limit[]): Promise<void> {
  try {
    await db.write(aside(scope), (tx) => countAttemptIn(tx, limits));
  } catch (thrown) {
    if (thrown !== usedUp) throw thrown;
    throw tooMany(await waitMs(db, limits));
  }
}

/** Is thrown to leave a transaction in which a limit was found to be used up. */
const usedUp = new Error("a limit is used up");

async function countAttemptIn(tx: AuthTransaction, limits: readonly Limit[]): Promise<void> {
  const counted = await Promise.all(limits.map((limit) => count(tx, limit)));
  if (counted.includes(false)) throw usedUp;
}

async function count(tx: AuthTransaction, { key, free, longestMs }: Limit): Promise<boolean> {
  const { rowCount } = await tx.run(
    `insert into failed_attempt as it (key, attempts, blocked_until, expire_time)
     values ($1, 1, 'epoch', now() + interval '${FORGET}')
     on conflict (key) do update set
       attempts = case when it.expire_time <= now() then 1 else it.attempts + 1 end,
       blocked_until = case
         when it.expire_time <= now() or it.attempts < $2::int then 'epoch'
         else now() + least($3::float8, 1000 * power(2, least(it.attempts - $2::int, 20))) * interval '1 millisecond'
       end,
       expire_time = now() + interval '${FORGET}'
     where it.blocked_until <= now()`,
    [hashKey(key), free, longestMs],
  );
  return rowCount === 1;
}

/**
 * Refuses whoever comes from an address where too much failed.
 *
 * @throws SoukError TOO_MANY_ATTEMPTS
 */
export async function requireLeft(db: AuthDatabase, limit: Limit | undefined): Promise<void> {
  if (limit === undefined) return;
  const ms = await waitMs(db, [limit]);
  if (ms > 0) throw tooMany(ms);
}

/** Counts an attempt that failed; when the limit is used up already, it is left as it is. */
export async function countFailure(db: AuthDatabase, scope: Scope, limit: Limit | undefined): Promise<void> {
  if (limit !== undefined) await db.write(aside(scope), (tx) => count(tx, limit));
}

/** Counts an attempt unless the limit is used up. */
export function countIfLeft(tx: AuthTransaction, limit: Limit): Promise<boolean> {
  return count(tx, limit);
}

/** Forgets attempts, in the transaction of one that succeeded. */
export async function forgetAttempts(tx: AuthTransaction, limits: readonly Limit[]): Promise<void> {
  await tx.sql
    .deleteFrom("failed_attempt")
    .where("key", "=", (it) => it.fn.any(it.val(limits.map(({ key }) => hashKey(key)))))
    .execute();
}

async function waitMs(db: AuthDatabase, limits: readonly Limit[]): Promise<number> {
  const { rows } = await db.pool.run(
    `select ceil(extract(epoch from max(blocked_until) - now()) * 1000) as ms from failed_attempt
     where key = any($1)`,
    [limits.map(({ key }) => hashKey(key))],
  );
  return Number(rows[0]?.ms ?? 0);
}

function tooMany(ms: number) {
  const retryAfterMs = Math.max(ms, SECOND);
  return refuse(
    ErrorReason.TOO_MANY_ATTEMPTS,
    `too many attempts failed; try again in ${Math.ceil(retryAfterMs / SECOND)} seconds`,
    { retryAfterMs },
  );
}

function hashKey(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}
