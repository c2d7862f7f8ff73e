import { type Selectable, sql } from "kysely";
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
  await db.sql
    .updateTable("notification")
    .set({ read_time: sql<Date>`now()` })
    .where("user_id", "=", userId)
    .where("id", "=", (it) => it.fn.any(it.val(ids as string[])))
    .where("read_time", "is", null)
    .execute();
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
  const { numUpdatedRows } = await db.sql
    .updateTable("notification")
    .set({ read_time: sql<Date>`now()` })
    .where("user_id", "=", userId)
    .where("read_time", "is", null)
    .where("create_time", "<", new Date(until.getTime() + 1))
    .executeTakeFirst();
  return numUpdatedRows;
}
