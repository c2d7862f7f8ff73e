import { type RawBuilder, sql } from "kysely";
import type { UserDeleted } from "#gen/souk/user/v1/events_pb.ts";
import type { Scope } from "#kit/scope.ts";
import type { ProductDatabase, ProductTransaction } from "../database.ts";
import { verifiedPurchase } from "./stored-review.ts";

/** Longer than any stream keeps an event that tells of a purchase. */
const REMEMBERED = "31 days";
/** Longer than what was on its way when a user was deleted takes to be stored. */
const UNDER_WAY = "1 hour";
/** A list, so that the tables that are searched for them are never read whole. */
const UNERASED = sql`any (array(select user_id from forgotten_author where not erased))`;

/**
 * Forgets who wrote reviews: what shoppers see stays without a name, what they do not see goes, and so does what the
 * user bought and reported, however late it comes.
 *
 * @param user who has left
 * @param tx the transaction of the event
 */
export async function forgetAuthor({ userId }: UserDeleted, tx: ProductTransaction): Promise<void> {
  await tx.sql
    .insertInto("forgotten_author")
    .values({ user_id: userId })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  await erase(tx, sql`${userId}`);
}

/**
 * Erases what was stored of users in the moment in which they were forgotten.
 *
 * @param db product's database
 * @param scope the run
 */
export async function eraseAuthors(db: ProductDatabase, scope: Scope): Promise<void> {
  const { rows } = await db.pool.run("select from forgotten_author limit 1");
  if (rows.length === 0) return;
  await db.write(scope, async (tx) => {
    await erase(tx, UNERASED);
    await sql`update forgotten_author set erased = true
      where not erased and forget_time < now() - ${sql.lit(UNDER_WAY)}::interval`.execute(tx.sql);
    await sql`delete from forgotten_author where erased
      and forget_time < now() - ${sql.lit(REMEMBERED)}::interval`.execute(tx.sql);
  });
}

async function erase({ sql: db }: ProductTransaction, whose: RawBuilder<unknown>): Promise<void> {
  await sql`delete from review where author_id = ${whose} and state <> 'APPROVED'`.execute(db);
  await sql`update review set author_id = null, author_name = '', bought = ${verifiedPurchase}, version = version + 1
    where author_id = ${whose}`.execute(db);
  await sql`delete from review_report where reporter_id = ${whose}`.execute(db);
  await sql`delete from purchase where customer_id = ${whose}`.execute(db);
}
