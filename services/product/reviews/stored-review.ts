import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type Selectable, sql } from "kysely";
import { ReviewWithdrawnSchema } from "#gen/souk/product/v1/events_pb.ts";
import { type ReviewSchema, ReviewState } from "#gen/souk/product/v1/review_pb.ts";
import type { Tables } from "#kit/data/tables.ts";
import type { SoukError } from "#kit/error.ts";
import type { ProductTransaction } from "../database.ts";
import type { entities } from "../entities.ts";
import { ErrorReason, refuse } from "../errors.ts";
import { countStars } from "./rating.ts";

/** A review as it is stored. */
export interface StoredReview extends Selectable<Tables<typeof entities>["review"]> {
  readonly verified_purchase: boolean;
}

/** A review with what staff is told of it. */
export interface ReportedReview extends StoredReview {
  /** What those say who reported it since staff last decided on it, newest first. */
  readonly report_reasons: readonly string[];
}

/**
 * Whether the author of a review bought the product, which may have been sent since the review was written. With
 * "exists" PostgreSQL would read all purchases, to be quick about reviews of which only a page is listed.
 */
export const verifiedPurchase = sql<boolean>`(
  bought or (
    select true from purchase where customer_id = author_id and purchase.product_id = review.product_id
  ) is not null
)`;

/**
 * A review that nobody else changes until the transaction ends.
 *
 * @param authorId whose it must be; anybody's when left out
 * @throws SoukError REVIEW_NOT_FOUND
 */
export async function lockReview(
  tx: ProductTransaction,
  id: string,
  authorId?: string,
): Promise<StoredReview> {
  const found = await tx.sql
    .selectFrom("review")
    .selectAll()
    .select(verifiedPurchase.as("verified_purchase"))
    .where("id", "=", id)
    .$if(authorId !== undefined, (query) => query.where("author_id", "=", authorId as string))
    .forUpdate()
    .executeTakeFirst();
  if (found === undefined) throw unknownReview(id);
  return found;
}

/**
 * Takes what its author changes or removes out of the sight of shoppers, where they see it.
 *
 * @param review the review as it was, which the transaction has locked
 */
export async function withdraw(
  tx: ProductTransaction,
  review: Pick<StoredReview, "id" | "product_id" | "author_id" | "state" | "stars">,
): Promise<void> {
  if (review.state !== "APPROVED") return;
  await countStars(tx, review, -1);
  const { id: reviewId, product_id: productId, author_id } = review;
  tx.emit(ReviewWithdrawnSchema, { productId, reviewId, accountId: author_id ?? "" });
}

/** The refusal of what asks for a review that is not there for who asks. */
export function unknownReview(id: string): SoukError {
  return refuse(
    ErrorReason.REVIEW_NOT_FOUND,
    `there is no review ${id}; list reviews to see which there are`,
    {
      metadata: { review_id: id },
    },
  );
}

/** A review as its author and shoppers read it. */
export function toReview(stored: StoredReview): MessageInitShape<typeof ReviewSchema> {
  return {
    id: stored.id,
    productId: stored.product_id,
    authorName: stored.author_name,
    stars: stored.stars,
    title: stored.title,
    body: stored.body,
    verifiedPurchase: stored.verified_purchase,
    state: ReviewState[stored.state],
    rejectReason: stored.reject_reason,
    etag: `${stored.version}`,
    createTime: timestampFromDate(stored.create_time),
    updateTime: timestampFromDate(stored.update_time),
  };
}

/** A review as staff reads it. */
export function toReportedReview(stored: ReportedReview): MessageInitShape<typeof ReviewSchema> {
  return { ...toReview(stored), reports: stored.reports, reportReasons: [...stored.report_reasons] };
}
