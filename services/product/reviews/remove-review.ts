import type { Scope } from "#kit/scope.ts";
import type { ProductDatabase } from "../database.ts";
import { withdraw } from "./stored-review.ts";

/**
 * Removes a review. One that is not there is no error.
 *
 * @param authorId whose it must be
 */
export function removeReview(db: ProductDatabase, scope: Scope, authorId: string, id: string): Promise<void> {
  return db.write(scope, async (tx) => {
    const removed = await tx.sql
      .deleteFrom("review")
      .where("id", "=", id)
      .where("author_id", "=", authorId)
      .returningAll()
      .executeTakeFirst();
    if (removed !== undefined) await withdraw(tx, removed);
  });
}
