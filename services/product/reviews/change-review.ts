import { sql } from "kysely";
import type { UpdateMyReviewRequest } from "#gen/souk/product/v1/review_pb.ts";
import type { Scope } from "#kit/scope.ts";
import type { ProductDatabase } from "../database.ts";
import { requireEtag } from "../etag.ts";
import { plainLine, plainText } from "./plain-text.ts";
import { lockReview, type StoredReview, verifiedPurchase, withdraw } from "./stored-review.ts";

/** What a review shall say, and the etag that its author read; empty takes any. */
export type ReviewChange = Pick<UpdateMyReviewRequest, "id" | "stars" | "title" | "body" | "etag">;

/**
 * Changes a review, which waits for approval then; what was reported of it was said of the text before. One that says
 * the same stays as it is.
 *
 * @param authorId whose it must be
 * @throws SoukError REVIEW_NOT_FOUND, ETAG_MISMATCH
 */
export function changeReview(
  db: ProductDatabase,
  scope: Scope,
  authorId: string,
  { id, stars, etag, ...typed }: ReviewChange,
): Promise<StoredReview> {
  const title = plainLine(typed.title);
  const body = plainText(typed.body);
  return db.write(scope, async (tx) => {
    const known = await lockReview(tx, id, authorId);
    if (known.stars === stars && known.title === title && known.body === body) return known;
    requireEtag(etag, known.version, "the review");
    await withdraw(tx, known);
    await tx.sql.deleteFrom("review_report").where("review_id", "=", id).execute();
    return tx.sql
      .updateTable("review")
      .set({ stars, title, body, state: "PENDING", reject_reason: "", reports: 0 })
      .set({ version: known.version + 1, update_time: sql<Date>`now()` })
      .where("id", "=", id)
      .returningAll()
      .returning(verifiedPurchase.as("verified_purchase"))
      .executeTakeFirstOrThrow();
  });
}
