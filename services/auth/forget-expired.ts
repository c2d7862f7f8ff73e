import type { Scope } from "#kit/scope.ts";
import type { AuthDatabase } from "./database.ts";

const ROWS = 5_000;

/**
 * What is over, a condition a table. Sessions are kept for a while, to know usual addresses by; the shell of an account
 * outlasts every access token.
 */
const OVER: readonly [table: string, condition: string][] = [
  ["refresh_token", "expire_time < now() - interval '1 day'"],
  ["session", "expire_time < now() - interval '90 days' or end_time < now() - interval '90 days'"],
  ["mailed_token", "expire_time < now()"],
  ["login_challenge", "expire_time < now()"],
  ["openid_flow", "expire_time < now()"],
  ["failed_attempt", "expire_time < now()"],
  ["account", "delete_time < now() - interval '90 days'"],
];

/** Removes what is over, in pieces that hold nobody up. */
export async function forgetExpired(db: AuthDatabase, { signal }: Scope): Promise<void> {
  for (const [table, condition] of OVER) {
    for (let removed = ROWS; removed === ROWS; ) {
      signal.throwIfAborted();
      const { rowCount } = await db.pool.run(
        `delete from ${table} where ctid in (select ctid from ${table} where ${condition} limit ${ROWS})`,
      );
      removed = rowCount;
    }
  }
}
