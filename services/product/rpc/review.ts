import type { ReviewService } from "#gen/souk/product/v1/review_pb.ts";
import { requireUser } from "#kit/principal.ts";
import type { Implementation } from "#kit/rpc/implement.ts";
import type { ProductDatabase } from "../database.ts";
import { changeReview } from "../reviews/change-review.ts";
import { listReportsOf, toReport } from "../reviews/list-reports.ts";
import { listReviews, listReviewsForStaff, listReviewsOf } from "../reviews/list-reviews.ts";
import { moderateReview } from "../reviews/moderate-review.ts";
import { removeReview } from "../reviews/remove-review.ts";
import { reportReview } from "../reviews/report-review.ts";
import { toReportedReview, toReview } from "../reviews/stored-review.ts";
import { writeReview } from "../reviews/write-review.ts";

/** Serves souk.product.v1.ReviewService. */
export function reviewRpc(db: ProductDatabase): Implementation<typeof ReviewService> {
  return {
    async listReviews(request) {
      const { reviews, ...page } = await listReviews(db, request);
      return { ...page, reviews: reviews.map(toReview) };
    },

    async listMyReviews(request, call) {
      const { reviews, nextPageToken } = await listReviewsOf(db, requireUser(call).id, request);
      return { reviews: reviews.map(toReview), nextPageToken };
    },

    createReview: (request, call) => writeReview(db, call, requireUser(call).id, request),

    async updateMyReview(request, call) {
      return { review: toReview(await changeReview(db, call, requireUser(call).id, request)) };
    },

    async deleteMyReview({ id }, call) {
      await removeReview(db, call, requireUser(call).id, id);
      return {};
    },

    async reportReview({ id, reason }, call) {
      await reportReview(db, call, requireUser(call).id, id, reason);
      return {};
    },

    async listMyReviewReports(request, call) {
      const { reports, nextPageToken } = await listReportsOf(db, requireUser(call).id, request);
      return { reports: reports.map(toReport), nextPageToken };
    },

    async listReviewsForStaff(request) {
      const { reviews, nextPageToken } = await listReviewsForStaff(db, request);
      return { reviews: reviews.map(toReportedReview), nextPageToken };
    },

    async moderateReview(request, call) {
      return { review: toReportedReview(await moderateReview(db, call, request)) };
    },
  };
}
