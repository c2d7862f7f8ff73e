import { type Selectable, sql } from "kysely";
import { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import { plannedEachTime } from "#kit/data/planned-each-time.ts";
import type { Tables } from "#kit/data/tables.ts";
import type { AuthDatabase } from "../database.ts";
import type { entities } from "../entities.ts";

/** A record as it is stored. */
export type StoredRecord = Selectable<Tables<typeof entities>["audit_record"]>;

/** Which records are wanted; what is left out does not matter. */
export interface RecordFilter {
  readonly accountId?: string | undefined;
  readonly objectId?: string | undefined;
  readonly method?: string | undefined;
  /** Only methods of this service of a contract. */
  readonly methodsOf?: string | undefined;
  readonly result?: number | undefined;
  /** From this time on. */
  readonly start?: Date | undefined;
  /** Before this time. */
  readonly end?: Date | undefined;
}

/** Where a record stands in a list. */
export type RecordPlace = Pick<StoredRecord, "seq" | "start_time">;

/**
 * A page of records, newest first: by the time at which it happened where a time is asked for, and in the order of the
 * chain elsewhere.
 *
 * @param before the last one that was given; undefined for the beginning
 * @param limit how many at most
 */
export function listRecords(
  db: AuthDatabase,
  filter: RecordFilter,
  before: RecordPlace | undefined,
  limit: number,
): Promise<StoredRecord[]> {
  const { accountId, objectId, method, methodsOf, result, start, end } = filter;
  const byTime = start !== undefined || end !== undefined;
  return db.sql
    .selectFrom("audit_record")
    .modifyFront(plannedEachTime)
    .selectAll()
    .$if(accountId !== undefined, (query) => query.where("account_id", "=", accountId as string))
    .$if(objectId !== undefined, (query) => query.where("object_id", "=", objectId as string))
    .$if(method !== undefined, (query) => query.where("method", "=", method as string))
    .$if(methodsOf !== undefined, (query) =>
      query.where(sql<boolean>`starts_with(method, ${`${methodsOf}/`})`),
    )
    .$if(result !== undefined, (query) => query.where("result", "=", result as number))
    .$if(start !== undefined, (query) => query.where("start_time", ">=", start as Date))
    .$if(end !== undefined, (query) => query.where("start_time", "<", end as Date))
    .$if(before !== undefined, (query) =>
      query.where((it) =>
        byTime
          ? sql<boolean>`(start_time, seq) < (${before?.start_time}, ${before?.seq})`
          : it("seq", "<", before?.seq as bigint),
      ),
    )
    .$if(byTime, (query) => query.orderBy("start_time", "desc"))
    .orderBy("seq", "desc")
    .limit(limit)
    .execute();
}

/**
 * A page of what somebody did, newest first: with the account, and before they were signed in to it, as signing in is.
 *
 * @param before the last one that was given; undefined for the beginning
 * @param limit how many at most
 */
export async function listActivity(
  db: AuthDatabase,
  accountId: string,
  before: RecordPlace | undefined,
  limit: number,
): Promise<StoredRecord[]> {
  const signingIn = { accountId: "", objectId: accountId, methodsOf: AuthService.typeName };
  const found = await Promise.all([
    listRecords(db, { accountId }, before, limit),
    listRecords(db, signingIn, before, limit),
  ]);
  return found
    .flat()
    .sort((a, b) => Number(BigInt(b.seq) - BigInt(a.seq)))
    .slice(0, limit);
}
