import { type RawBuilder, type Selectable, sql } from "kysely";
import type { Tables } from "#kit/data/tables.ts";
import type { NotificationDatabase } from "./database.ts";
import type { entities } from "./entities.ts";

/** A notification as it is stored. */
export type StoredNotification = Selectable<Tables<typeof entities>["notification"]>;

/**
 * Notifications of a user, newest first.
 *
 * @param before the id of the last one that was given; undefined for the beginning
 * @param limit how many at most
 */
export function listNotifications(
  db: NotificationDatabase,
  userId: string,
  before: string | undefined,
  limit: number,
): Promise<StoredNotification[]> {
  return db.sql
    .selectFrom("notification")
    .selectAll()
    .where("user_id", "=", userId)
    .$if(before !== undefined, (query) =>
      query.where(sql<boolean>`(turn, id) < (select turn, id from notification where id = ${before})`),
    )
    .orderBy("turn", "desc")
    .orderBy("id", "desc")
    .limit(limit)
    .execute();
}

/**
 * Marks notifications of a user as read. Those that are read keep their time; those of others and
 * unknown ones are passed over.
 */
export async function markRead(
  db: NotificationDatabase,
  userId: string,
  ids: readonly string[],
): Promise<void> {
  await mark(db, sql`user_id = ${userId} and id = any (${ids})`);
}

/** How many notifications a user has not read. */
export async function countUnread(db: NotificationDatabase, userId: string): Promise<bigint> {
  const { unread } = await db.sql
    .selectFrom("notification")
    .select((it) => it.fn.countAll<bigint>().as("unread"))
    .where("user_id", "=", userId)
    .where("read_time", "is", null)
    .executeTakeFirstOrThrow();
  return unread;
}

/**
 * Marks the notifications of a user as read that can be seen and were made by a time.
 *
 * @param until the time, which may be still to come
 * @returns how many were not read before
 */
export async function markAllRead(db: NotificationDatabase, userId: string, until: Date): Promise<bigint> {
  // Callers are told times in ms: what they were told was made at `until` was made within that ms.
  const after = new Date(until.getTime() + 1);
  return mark(db, sql`user_id = ${userId} and create_time < ${after}`);
}

/** In the order of their ids, so that of two who mark the same none waits for the other in turn. */
async function mark(db: NotificationDatabase, which: RawBuilder<unknown>): Promise<bigint> {
  const { numAffectedRows } = await sql`
    update notification set read_time = now() where id in (
      select id from notification where ${which} and read_time is null order by id for update)`.execute(
    db.sql,
  );
  return numAffectedRows ?? 0n;
}
