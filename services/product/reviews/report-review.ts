import { sql } from "kysely";
import type { Scope } from "#kit/scope.ts";
import type { ProductDatabase } from "../database.ts";
import { plainText, visible } from "./plain-text.ts";
import { lockReview, unknownReview } from "./stored-review.ts";

/**
 * Notes that somebody wants a review that shoppers see looked at. Of each the first report counts, also after staff has
 * decided on it.
 *
 * @param reporterId who reports it
 * @param reason what is wrong with it
 * @throws SoukError INVALID_REQUEST, REVIEW_NOT_FOUND
 */
export function reportReview(
  db: ProductDatabase,
  scope: Scope,
  reporterId: string,
  id: string,
  reason: string,
): Promise<void> {
  const said = visible("reason", plainText(reason), "say what is wrong with the review");
  return db.write(scope, async (tx) => {
    const { state } = await lockReview(tx, id);
    if (state !== "APPROVED") throw unknownReview(id);
    const made = await tx.sql
      .insertInto("review_report")
      .values({ review_id: id, reporter_id: reporterId, reason: said })
      .onConflict((conflict) => conflict.doNothing())
      .returning("review_id")
      .executeTakeFirst();
    if (made === undefined) return;
    await tx.sql
      .updateTable("review")
      .set({ reports: sql<number>`reports + 1` })
      .where("id", "=", id)
      .execute();
  });
}
