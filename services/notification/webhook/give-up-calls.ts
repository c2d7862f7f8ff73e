import { uuidBefore } from "#kit/data/uuid-before.ts";
import type { Scope } from "#kit/scope.ts";
import type { NotificationDatabase } from "../database.ts";

/** How many calls are given up in one statement. */
const BATCH = 1_000;
/** Longer than an endpoint that is called has to take something, in ms. */
const MOST_MS = 3 * 86_400_000;

/**
 * Gives up calls of endpoints that go on failing: those are spared, and so they never have as many attempts as would end
 * them. What staff put back, and what is under way, stays.
 *
 * @param db notification's database
 * @param scope the run; what it has no time for is left to the next one
 */
export async function giveUpCalls(db: NotificationDatabase, { deadline, signal }: Scope): Promise<void> {
  const oldest = uuidBefore(Date.now() - MOST_MS);
  const isOld =
    "channel = 'WEBHOOK' and state = 'PENDING' and attempts_before = 0 and next_attempt_at <= now()";
  for (let given = BATCH; given === BATCH && !signal.aborted && Date.now() < deadline; ) {
    const { rowCount } = await db.pool.run(
      `update delivery set state = 'FAILED', last_error = coalesce(last_error, 'the endpoint went on failing')
       where ${isOld} and id = any (array(
         select id from delivery where ${isOld} and id < $1 order by id limit $2))`,
      [oldest, BATCH],
    );
    given = rowCount;
  }
}
