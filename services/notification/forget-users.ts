import { sql } from "kysely";
import type { UserDeleted } from "#gen/souk/user/v1/events_pb.ts";
import type { Scope } from "#kit/scope.ts";
import type { NotificationDatabase, NotificationTransaction } from "./database.ts";

/** Longer than any stream keeps an event that could tell a user of something. */
const REMEMBERED = "31 days";
/** Longer than what was on its way when a user was deleted takes to be stored. */
const UNDER_WAY = "1 hour";
/** A list, so that the tables that are searched for them are never read whole. */
const UNERASED = sql`any (array(select user_id from forgotten_user where not erased))`;

/**
 * Erases what a user was told and wanted to be told, and has nothing more told, however late an event comes. The mail
 * that confirms it is the last: it goes by the same event.
 *
 * @param event who was deleted
 * @param tx the transaction of the event
 * @param eventId the event
 */
export async function forgetUser(
  { userId }: UserDeleted,
  tx: NotificationTransaction,
  eventId: string,
): Promise<void> {
  await tx.sql
    .insertInto("forgotten_user")
    .values({ user_id: userId, event_id: eventId })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  await tx.sql.deleteFrom("notification").where("user_id", "=", userId).execute();
  await tx.sql.deleteFrom("preferences").where("user_id", "=", userId).execute();
  await tx.sql
    .deleteFrom("delivery")
    .where("user_id", "=", userId)
    .where("event_id", "!=", eventId)
    .execute();
}

/**
 * Erases what was stored for users in the moment in which they were forgotten, and their last mail once it is sent or
 * given up.
 *
 * @param db notification's database
 * @param scope the run
 */
export async function eraseUsers(db: NotificationDatabase, scope: Scope): Promise<void> {
  const { rows } = await db.pool.run(
    `select from forgotten_user where not erased or forget_time < now() - interval '${REMEMBERED}' limit 1`,
  );
  if (rows.length === 0) return;
  await db.write(scope, async (tx) => {
    await sql`delete from notification where user_id = ${UNERASED}`.execute(tx.sql);
    await sql`delete from preferences where user_id = ${UNERASED}`.execute(tx.sql);
    await sql`delete from delivery d using forgotten_user f where d.user_id = ${UNERASED} and f.user_id = d.user_id
      and (d.event_id <> f.event_id or d.state <> 'PENDING')`.execute(tx.sql);
    await sql`update forgotten_user f set erased = true
      where not erased and forget_time < now() - ${sql.lit(UNDER_WAY)}::interval
        and not exists (select from delivery d where d.user_id = f.user_id)`.execute(tx.sql);
    await sql`delete from forgotten_user where erased
      and forget_time < now() - ${sql.lit(REMEMBERED)}::interval`.execute(tx.sql);
  });
}
