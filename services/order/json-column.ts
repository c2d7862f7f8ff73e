import { sql } from "kysely";

/**
 * A list for a JSON column; the driver would make an array of the database of it.
 *
 * @param list what JSON can say
 */
export function json<T>(list: readonly T[]) {
  return sql<readonly T[]>`${JSON.stringify(list)}`;
}
