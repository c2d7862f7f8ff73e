import { create } from "@bufbuild/protobuf";
import { uuidv7 } from "uuidv7";
import {
  type CreateReviewRequest,
  type CreateReviewResponse,
  CreateReviewResponseSchema,
} from "#gen/souk/product/v1/review_pb.ts";
import type { Scope } from "#kit/scope.ts";
import type { ProductDatabase, ProductTransaction } from "../database.ts";
import { ErrorReason, refuse } from "../errors.ts";
import { notOnSale } from "../get-product.ts";
import { plainLine, plainText, visible } from "./plain-text.ts";
import { toReview, verifiedPurchase } from "./stored-review.ts";

/** What somebody writes about a product. */
export type WrittenReview = Pick<
  CreateReviewRequest,
  "productId" | "authorName" | "stars" | "title" | "body"
>;

/**
 * Reviews a product that is on sale. It waits for approval.
 *
 * @param authorId who writes it; of several reviews of one product, the first one stays
 * @throws SoukError INVALID_REQUEST, PRODUCT_NOT_FOUND, REVIEW_EXISTS
 */
export function writeReview(
  db: ProductDatabase,
  scope: Scope,
  authorId: string,
  written: WrittenReview,
): Promise<CreateReviewResponse> {
  const { productId, stars } = written;
  const authorName = visible("author_name", plainLine(written.authorName), "write a name");
  return db.write(scope, async (tx) => {
    await requireOnSale(tx, productId);
    const made = await tx.sql
      .insertInto("review")
      .values({
        id: uuidv7(),
        product_id: productId,
        author_id: authorId,
        author_name: authorName,
        stars,
        title: plainLine(written.title),
        body: plainText(written.body),
      })
      .onConflict((conflict) => conflict.constraint("review_one_each").doNothing())
      .returningAll()
      .returning(verifiedPurchase.as("verified_purchase"))
      .executeTakeFirst();
    if (made === undefined) throw await existing(tx, authorId, productId);
    return create(CreateReviewResponseSchema, { review: toReview(made) });
  });
}

async function requireOnSale(tx: ProductTransaction, productId: string): Promise<void> {
  const found = await tx.sql
    .selectFrom("product_view")
    .select("product_id")
    .where("product_id", "=", productId)
    .where("is_published", "=", true)
    .executeTakeFirst();
  if (found === undefined) throw notOnSale("id", productId);
}

async function existing(tx: ProductTransaction, authorId: string, productId: string) {
  const found = await tx.sql
    .selectFrom("review")
    .select("id")
    .where("author_id", "=", authorId)
    .where("product_id", "=", productId)
    .executeTakeFirst();
  return refuse(
    ErrorReason.REVIEW_EXISTS,
    "you have reviewed this product before; change that review with UpdateMyReview",
    { metadata: { product_id: productId, review_id: found?.id ?? "" } },
  );
}
