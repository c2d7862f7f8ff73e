import { createHash } from "node:crypto";

/** A record as it is chained, and how its columns are called. */
export interface Link {
  readonly seq: bigint;
  readonly id: string;
  readonly service: string;
  readonly method: string;
  readonly account_id: string;
  readonly caller: string;
  readonly object_id: string;
  readonly result: number;
  readonly reason: string;
  readonly client_address: string;
  readonly request_id: string;
  readonly start_time: Date;
  readonly count: number;
}

/** The columns of a record that its hash covers, in the order in which it does: all of them. */
export const COLUMNS = [
  "seq",
  "id",
  "service",
  "method",
  "account_id",
  "caller",
  "object_id",
  "result",
  "reason",
  "client_address",
  "request_id",
  "start_time",
  "count",
] as const satisfies (keyof Link)[];

/** What stands before the first record. */
export const GENESIS: Uint8Array = new Uint8Array(32);

/**
 * The hash of a record: SHA-256 over the hash before it and the JSON array of its columns as texts, times in
 * ISO 8601 with milliseconds.
 *
 * @param before the hash of the record before, or GENESIS
 * @param link the record
 */
export function hashLink(before: Uint8Array, link: Link): Buffer {
  const texts = COLUMNS.map((column) => {
    const value = link[column];
    return value instanceof Date ? value.toISOString() : String(value);
  });
  return createHash("sha256").update(before).update(JSON.stringify(texts)).digest();
}
