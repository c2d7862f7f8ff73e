import { uuidBefore } from "#kit/data/uuid-before.ts";
import type { Scope } from "#kit/scope.ts";
import type { NotificationDatabase } from "../database.ts";

/** How many deliveries are removed in one statement. */
const BATCH = 1_000;
const DAY_MS = 86_400_000;
/** What is done, in the words of the index. */
const DONE = [
  ["EMAIL", "DELIVERED"],
  ["EMAIL", "FAILED"],
  ["EMAIL", "SUPPRESSED"],
  ["WEBHOOK", "DELIVERED"],
  ["WEBHOOK", "FAILED"],
  ["SHOP", "SUPPRESSED"],
] as const;

/**
 * Removes deliveries that are done, in batches. Their ids tell when they were made (RFC 9562, UUIDv7); those that wait to
 * be sent stay. What users were told in the shop is theirs and stays, too.
 *
 * @param db notification's database
 * @param scope the run; what it has no time for is left to the next one
 * @param days for how many days they are kept
 */
export async function forgetDeliveries(
  db: NotificationDatabase,
  { deadline, signal }: Scope,
  days: number,
): Promise<void> {
  const oldest = uuidBefore(Date.now() - days * DAY_MS);
  for (const [channel, state] of DONE) {
    for (let removed = BATCH; removed === BATCH && !signal.aborted && Date.now() < deadline; ) {
      const { rowCount } = await db.pool.run(
        // What staff puts back meanwhile is looked at again, and stays.
        `delete from delivery where state = $2 and id = any (array(
           select id from delivery where channel = $1 and state = $2 and id < $3 order by id limit $4))`,
        [channel, state, oldest, BATCH],
      );
      removed = rowCount;
    }
  }
}
