import { sql } from "kysely";
import type { AuthDatabase } from "../database.ts";
import { listRoles, type RoleInForce } from "./roles.ts";

/** What access tokens stand for right now. */
export interface AccessSnapshot {
  readonly roles: readonly RoleInForce[];
  /** Accounts whose older access tokens say something else. */
  readonly changed: readonly { readonly id: string; readonly roles: string[]; readonly disabled: boolean }[];
  /** Sessions and API keys whose access tokens are no longer good. */
  readonly ended: readonly string[];
}

/** How long one snapshot is given again, in ms: all processes of the shop ask for it. */
const FRESH_MS = 1_000;
/** Clocks differ, and a token may be made while what it is made from is changed, in ms. */
const MARGIN_MS = 60_000;

/**
 * Gives what access tokens stand for. What changed before the oldest access token was issued stands in
 * all of them already, so the lists are short.
 *
 * @param accessMs how long an access token is good for, in ms
 */
export function accessSnapshot(db: AuthDatabase, accessMs: number): () => Promise<AccessSnapshot> {
  let latest: Promise<AccessSnapshot> | undefined;
  let readAt = 0;
  return () => {
    if (latest === undefined || Date.now() - readAt > FRESH_MS) {
      readAt = Date.now();
      latest = readSnapshot(db, accessMs + MARGIN_MS);
      latest.catch(() => {
        latest = undefined;
      });
    }
    return latest;
  };
}

async function readSnapshot(db: AuthDatabase, ms: number): Promise<AccessSnapshot> {
  const since = sql<Date>`now() - ${ms} * interval '1 millisecond'`;
  const [roles, changed, ended] = await Promise.all([
    listRoles(db),
    db.sql
      .selectFrom("account")
      .select(["id", "roles", sql<boolean>`disable_time is not null`.as("disabled")])
      .where("access_change_time", ">", since)
      .execute(),
    db.sql
      .selectFrom("session")
      .select("id")
      .where("end_time", ">", since)
      .unionAll(db.sql.selectFrom("api_key").select("id").where("revoke_time", ">", since))
      .execute(),
  ]);
  return { roles, changed, ended: ended.map(({ id }) => id) };
}
