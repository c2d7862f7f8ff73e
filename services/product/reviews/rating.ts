import { create } from "@bufbuild/protobuf";
import { sql } from "kysely";
import { type Rating, RatingSchema } from "#gen/souk/product/v1/rating_pb.ts";
import type { ProductTransaction } from "../database.ts";

const STARS = [1, 2, 3, 4, 5] as const;

/**
 * What the approved reviews of a product come to.
 *
 * @param counts how many have one star, two stars and so on; null where there was none yet
 * @returns undefined while there is none
 */
export function toRating(counts: readonly bigint[] | null): Rating | undefined {
  if (counts === null) return undefined;
  const reviews = counts.reduce((sum, count) => sum + count, 0n);
  if (reviews === 0n) return undefined;
  const stars = counts.reduce((sum, count, at) => sum + count * BigInt(at + 1), 0n);
  const averageStars = Number(stars) / Number(reviews);
  return create(RatingSchema, { reviews, averageStars, byStars: [...counts] });
}

/**
 * Counts a review that shoppers see from now on, or no longer. Whoever counts one of the same product at the same time
 * waits for this transaction.
 *
 * @param review the review, which the transaction has locked
 * @param by 1 when it is shown, -1 when it no longer is
 */
export async function countStars(
  tx: ProductTransaction,
  { product_id, stars }: { readonly product_id: string; readonly stars: number },
  by: 1 | -1,
): Promise<void> {
  const counts = STARS.map((each) => sql`coalesce(stars[${each}], 0) + ${each === stars ? by : 0}`);
  await sql`
    update product_view set stars = array[${sql.join(counts)}]::bigint[] where product_id = ${product_id}
  `.execute(tx.sql);
}
