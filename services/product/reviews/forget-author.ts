import { sql } from "kysely";
import type { UserDeleted } from "#gen/souk/user/v1/events_pb.ts";
import type { ProductTransaction } from "../database.ts";
import { verifiedPurchase } from "./stored-review.ts";

/**
 * Forgets who wrote reviews: what shoppers see stays without a name, what they do not see goes, and so does what the
 * user bought and reported.
 *
 * @param user who has left
 * @param tx the transaction of the event
 */
export async function forgetAuthor({ userId }: UserDeleted, tx: ProductTransaction): Promise<void> {
  const { sql: db } = tx;
  await db.deleteFrom("review").where("author_id", "=", userId).where("state", "<>", "APPROVED").execute();
  await db
    .updateTable("review")
    .set({ author_id: null, author_name: "", bought: verifiedPurchase, version: sql<number>`version + 1` })
    .where("author_id", "=", userId)
    .execute();
  await db.deleteFrom("review_report").where("reporter_id", "=", userId).execute();
  await db.deleteFrom("purchase").where("customer_id", "=", userId).execute();
}
