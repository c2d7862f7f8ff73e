import { sql } from "kysely";
import { uuidv7 } from "uuidv7";
import { MeshReason, refuseMesh } from "#kit/error.ts";
import type { Scope } from "#kit/scope.ts";
import { permissionsOf } from "./access/held-permissions.ts";
import { lockAccount } from "./accounts.ts";
import type { AuthContext } from "./context.ts";
import type { AuthDatabase, AuthTransaction } from "./database.ts";
import { ErrorReason, refuse } from "./errors.ts";
import { requireEnabled } from "./sign-in.ts";
import { hashToken, makeToken, signAccessToken } from "./tokens.ts";

/** An API key as it is listed. */
export interface StoredApiKey {
  readonly id: string;
  readonly display_name: string;
  readonly prefix: string;
  readonly scopes: string[];
  readonly create_time: Date;
  readonly expire_time: Date | null;
  readonly last_use_time: Date | null;
  readonly revoke_time: Date | null;
}

/** What a key shall be. */
export interface WantedApiKey {
  readonly displayName: string;
  readonly scopes: readonly string[];
  readonly expireTime: Date | undefined;
}

/** What every key begins with, so that scanners for leaked secrets know it. */
const MARK = "souk_";
const SHOWN = MARK.length + 6;
const MOST_KEYS = 20;
const LISTED = [
  "id",
  "display_name",
  "prefix",
  "scopes",
  "create_time",
  "expire_time",
  "last_use_time",
  "revoke_time",
] as const;

/**
 * Makes a key with which a machine acts for an account.
 *
 * @returns the key as it is listed, and the key itself, which is told only now
 * @throws SoukError SCOPE_NOT_HELD, TOO_MANY_API_KEYS or INVALID_REQUEST
 */
export async function createApiKey(
  { db }: AuthContext,
  scope: Scope,
  accountId: string,
  { displayName, scopes, expireTime }: WantedApiKey,
): Promise<{ readonly stored: StoredApiKey; readonly apiKey: string }> {
  if (expireTime !== undefined && expireTime.getTime() <= Date.now()) throw expiresInThePast();
  const apiKey = MARK + makeToken();
  const stored = await db.write(scope, async (tx) => {
    await lockAccount(tx, accountId);
    const held = await permissionsOf(tx, accountId);
    const missing = scopes.find((it) => !held.has(it));
    if (missing !== undefined) throw scopeNotHeld(missing);
    if ((await countKeys(tx, accountId)) >= MOST_KEYS) {
      throw refuse(
        ErrorReason.TOO_MANY_API_KEYS,
        `the account has ${MOST_KEYS} API keys; revoke one that is not needed`,
      );
    }
    const id = uuidv7();
    tx.about(id);
    return tx.sql
      .insertInto("api_key")
      .values({
        id,
        account_id: accountId,
        display_name: displayName,
        prefix: apiKey.slice(0, SHOWN),
        key_hash: hashToken(apiKey),
        scopes: [...scopes],
        expire_time: expireTime ?? null,
      })
      .returning(LISTED)
      .executeTakeFirstOrThrow();
  });
  return { stored, apiKey };
}

/**
 * The API keys of an account, newest first; those that are revoked or expired too.
 *
 * @param before the id of the last one that was given; undefined for the beginning
 * @param limit how many at most
 */
export function listApiKeys(
  db: AuthDatabase,
  accountId: string,
  before: string | undefined,
  limit: number,
): Promise<StoredApiKey[]> {
  return db.sql
    .selectFrom("api_key")
    .select(LISTED)
    .where("account_id", "=", accountId)
    .$if(before !== undefined, (query) => query.where("id", "<", before as string))
    .orderBy("id", "desc")
    .limit(limit)
    .execute();
}

/**
 * Ends an API key, and the access tokens that came from it; one that is revoked is no error.
 *
 * @throws SoukError API_KEY_NOT_FOUND when the account never had such a key
 */
export async function revokeApiKey(
  { db }: AuthContext,
  scope: Scope,
  accountId: string,
  id: string,
): Promise<void> {
  const known = await db.write(scope, (tx) =>
    tx.sql
      .updateTable("api_key")
      .set({ revoke_time: sql<Date>`coalesce(revoke_time, now())` })
      .where("id", "=", id)
      .where("account_id", "=", accountId)
      .returning("id")
      .executeTakeFirst(),
  );
  if (known === undefined) {
    throw refuse(ErrorReason.API_KEY_NOT_FOUND, "the account has no such API key; list its keys");
  }
}

/** Ends all API keys of an account, in the transaction of what is the reason. */
export async function revokeApiKeys(tx: AuthTransaction, accountId: string): Promise<void> {
  await tx.sql
    .updateTable("api_key")
    .set({ revoke_time: sql<Date>`now()` })
    .where("account_id", "=", accountId)
    .where("revoke_time", "is", null)
    .execute();
}

/**
 * Exchanges an API key for an access token, which carries the key's scopes as far as the account still
 * holds them.
 *
 * @throws SoukError API_KEY_INVALID or ACCOUNT_DISABLED
 */
export async function exchangeApiKey(
  { db, keys, lifetimes }: AuthContext,
  scope: Scope,
  apiKey: string,
): Promise<{ readonly accessToken: string; readonly expiresIn: number }> {
  const used = await db.write(scope, (tx) =>
    tx.sql
      .updateTable("api_key")
      .from("account")
      .set({ last_use_time: sql<Date>`now()` })
      .whereRef("account.id", "=", "api_key.account_id")
      .where("key_hash", "=", hashToken(apiKey))
      .where("revoke_time", "is", null)
      .where((it) => it.or([it("expire_time", "is", null), it("expire_time", ">", sql<Date>`now()`)]))
      .returning([
        "api_key.id as key_id",
        "scopes",
        "expire_time",
        "account.id",
        "email",
        "roles",
        "disable_time",
      ])
      .executeTakeFirst(),
  );
  if (used === undefined) {
    throw refuse(ErrorReason.API_KEY_INVALID, "the API key is not good, or no longer");
  }
  requireEnabled(used);
  const leftMs =
    used.expire_time === null ? Number.POSITIVE_INFINITY : used.expire_time.getTime() - Date.now();
  const lifetimeMs = Math.max(1_000, Math.min(lifetimes.accessMs, leftMs));
  const subject = { ...used, sessionId: used.key_id };
  const accessToken = signAccessToken(subject, await keys.current(scope), lifetimeMs);
  return { accessToken, expiresIn: Math.floor(lifetimeMs / 1000) };
}

async function countKeys(tx: AuthTransaction, accountId: string): Promise<number> {
  const { count } = await tx.sql
    .selectFrom("api_key")
    .select((it) => it.fn.countAll<bigint>().as("count"))
    .where("account_id", "=", accountId)
    .where("revoke_time", "is", null)
    .where((it) => it.or([it("expire_time", "is", null), it("expire_time", ">", sql<Date>`now()`)]))
    .executeTakeFirstOrThrow();
  return Number(count);
}

function scopeNotHeld(permission: string) {
  return refuse(
    ErrorReason.SCOPE_NOT_HELD,
    `the account does not hold ${permission}, so it cannot give it to a key`,
    {
      metadata: { permission },
      violations: [{ field: "scopes", description: `names ${permission}, which the account does not hold` }],
    },
  );
}

function expiresInThePast() {
  const description = "is in the past; leave it out or choose a later time";
  return refuseMesh(MeshReason.INVALID_REQUEST, `expire_time: ${description}`, {
    violations: [{ field: "expire_time", description }],
  });
}
