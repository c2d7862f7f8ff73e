import { pino } from "pino";
import { openPool } from "#kit/data/pool.ts";
import type { Teardown } from "../stores.ts";

/**
 * Connects to a database as a test does that lets time pass in it.
 *
 * @param t the test after which the connection is closed
 * @param url the database
 * @returns sends a statement and gives its rows
 */
export function connectPool(t: Teardown, url: string) {
  const pool = openPool({
    url,
    size: 1,
    applicationName: "auth-test",
    log: pino({ level: "silent" }),
  });
  t.teardown(() => pool.close());
  return async (sql: string, values: readonly unknown[] = []): Promise<Record<string, unknown>[]> =>
    (await pool.run(sql, values)).rows;
}
