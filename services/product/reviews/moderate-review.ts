import { ReviewModeratedSchema } from "#gen/souk/product/v1/events_pb.ts";
import type { ModerateReviewRequest } from "#gen/souk/product/v1/review_pb.ts";
import type { Scope } from "#kit/scope.ts";
import type { ProductDatabase } from "../database.ts";
import { requireEtag } from "../etag.ts";
import { countStars } from "./rating.ts";
import { lockReview, type ReportedReview, verifiedPurchase } from "./stored-review.ts";

/** What becomes of a review, and the etag that staff read; empty takes any. */
export type ReviewVerdict = Pick<ModerateReviewRequest, "id" | "verdict" | "etag">;

/**
 * Shows a review to shoppers, or takes it off, and settles what was reported of it. One on which was decided like that
 * stays as it is.
 *
 * @throws SoukError REVIEW_NOT_FOUND, ETAG_MISMATCH
 */
export function moderateReview(
  db: ProductDatabase,
  scope: Scope,
  { id, verdict, etag }: ReviewVerdict,
): Promise<ReportedReview> {
  const state = verdict.case === "approve" ? "APPROVED" : "REJECTED";
  const reject_reason = verdict.case === "reject" ? verdict.value.reason : "";
  return db.write(scope, async (tx) => {
    const known = await lockReview(tx, id);
    const isDecided = known.state === state && known.reject_reason === reject_reason;
    if (isDecided && known.reports === 0) return { ...known, report_reasons: [] };
    requireEtag(etag, known.version, "the review");
    if (state === "APPROVED" && known.state !== "APPROVED") await countStars(tx, known, 1);
    if (state !== "APPROVED" && known.state === "APPROVED") await countStars(tx, known, -1);
    await tx.sql.updateTable("review_report").set({ open: false }).where("review_id", "=", id).execute();
    const decided = await tx.sql
      .updateTable("review")
      .set({ state, reject_reason, reports: 0, version: isDecided ? known.version : known.version + 1 })
      .where("id", "=", id)
      .returningAll()
      .returning(verifiedPurchase.as("verified_purchase"))
      .executeTakeFirstOrThrow();
    if (!isDecided) {
      tx.emit(ReviewModeratedSchema, {
        productId: known.product_id,
        reviewId: known.id,
        accountId: known.author_id ?? "",
        approved: state === "APPROVED",
        rejectReason: reject_reason,
      });
    }
    return { ...decided, report_reasons: [] };
  });
}
