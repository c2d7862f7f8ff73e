import { sql } from "kysely";

/** When a payment was asked for, in microseconds: a Date knows milliseconds alone, and two may be made within one. */
export const CREATE_MICROSECONDS = sql<bigint>`(extract(epoch from create_time) * 1000000)::bigint`;

/** The place of a payment in the order of time, to compare with `(create_time, id)`. */
export function placeOf(microseconds: string, id: string) {
  return sql`(timestamptz 'epoch' + ${microseconds}::bigint * interval '1 microsecond', ${id}::uuid)`;
}
