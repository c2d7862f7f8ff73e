import { sql } from "kysely";
import type { Rating } from "#gen/souk/product/v1/rating_pb.ts";
import {
  type ListMyReviewsRequest,
  type ListReviewsForStaffRequest,
  type ListReviewsRequest,
  ReviewStateSchema,
} from "#gen/souk/product/v1/review_pb.ts";
import { decodePageToken, encodePageToken, UUID } from "#kit/data/page-token.ts";
import { plannedEachTime } from "#kit/data/planned-each-time.ts";
import type { ProductDatabase } from "../database.ts";
import type { ReviewStateName } from "../entities.ts";
import { notOnSale } from "../get-product.ts";
import { type PageRequest, sizeOf } from "../page.ts";
import { toRating } from "./rating.ts";
import { type ReportedReview, type StoredReview, verifiedPurchase } from "./stored-review.ts";

/** A part of a list. */
export interface ReviewPage<R extends StoredReview = StoredReview> {
  readonly reviews: readonly R[];
  /** Empty at the end. */
  readonly nextPageToken: string;
}

/** What is fetched for the part of a list: what comes after an id, and how many at most. */
type ReadPart<R> = (after: string | undefined, limit: number) => Promise<R[]>;

/** How many of those who reported a review are quoted. */
const MOST_REASONS = 10;

/**
 * A page of the approved reviews of a product that is on sale, newest first, with what all of them come to.
 *
 * @throws SoukError PRODUCT_NOT_FOUND, PAGE_TOKEN_INVALID
 */
export async function listReviews(
  db: ProductDatabase,
  request: Pick<ListReviewsRequest, "productId" | "stars" | keyof PageRequest>,
): Promise<ReviewPage & { rating: Rating | undefined }> {
  const { productId, stars } = request;
  const [product, page] = await Promise.all([
    db.sql
      .selectFrom("product_view")
      .select("stars")
      .where("product_id", "=", productId)
      .where("is_published", "=", true)
      .executeTakeFirst(),
    readPage(`ListReviews ${productId} ${stars}`, request, (before, limit) =>
      selectReviews(db)
        .where("product_id", "=", productId)
        .where("state", "=", sql.lit("APPROVED"))
        .$if(stars !== 0, (query) => query.where("stars", "=", stars))
        .$if(before !== undefined, (query) => query.where("id", "<", before as string))
        .orderBy("id", "desc")
        .limit(limit)
        .execute(),
    ),
  ]);
  if (product === undefined) throw notOnSale("id", productId);
  return { ...page, rating: toRating(product.stars) };
}

/**
 * A page of the reviews of one author, in any state, newest first.
 *
 * @throws SoukError PAGE_TOKEN_INVALID
 */
export function listReviewsOf(
  db: ProductDatabase,
  authorId: string,
  request: Pick<ListMyReviewsRequest, keyof PageRequest>,
): Promise<ReviewPage> {
  return readPage(`ListMyReviews ${authorId}`, request, (before, limit) =>
    selectReviews(db)
      .where("author_id", "=", authorId)
      .$if(before !== undefined, (query) => query.where("id", "<", before as string))
      .orderBy("id", "desc")
      .limit(limit)
      .execute(),
  );
}

/**
 * A page of reviews in any state, oldest first, with what was reported of them.
 *
 * @throws SoukError PAGE_TOKEN_INVALID
 */
export function listReviewsForStaff(
  db: ProductDatabase,
  request: Pick<ListReviewsForStaffRequest, "state" | "productId" | "reported" | keyof PageRequest>,
): Promise<ReviewPage<ReportedReview>> {
  const { productId, reported } = request;
  const state = ReviewStateSchema.value[request.state]?.localName as ReviewStateName;
  const list = `ListReviewsForStaff ${JSON.stringify([request.state, productId, reported])}`;
  const reasons = sql<string[]>`array(
    select reason from review_report where review_id = review.id and open order by create_time desc limit ${MOST_REASONS}
  )`;
  return readPage(list, request, (after, limit) =>
    selectReviews(db)
      .modifyFront(plannedEachTime)
      .select(reasons.as("report_reasons"))
      .$if(request.state !== 0, (query) => query.where("state", "=", state))
      .$if(productId !== "", (query) => query.where("product_id", "=", productId))
      .$if(reported, (query) => query.where("reports", ">", 0))
      .$if(after !== undefined, (query) => query.where("id", ">", after as string))
      .orderBy("id")
      .limit(limit)
      .execute(),
  );
}

function selectReviews(db: ProductDatabase) {
  return db.sql.selectFrom("review").selectAll().select(verifiedPurchase.as("verified_purchase"));
}

async function readPage<R extends StoredReview>(
  list: string,
  request: PageRequest,
  read: ReadPart<R>,
): Promise<ReviewPage<R>> {
  const [after] = decodePageToken(list, request.pageToken, [UUID]);
  const size = sizeOf(request);
  // One more than asked for shows whether there is a next page.
  const found = await read(after, size + 1);
  const reviews = found.slice(0, size);
  const last = found.length > size ? reviews.at(-1) : undefined;
  return { reviews, nextPageToken: last === undefined ? "" : encodePageToken(list, [last.id]) };
}
