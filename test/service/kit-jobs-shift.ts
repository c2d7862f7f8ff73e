import { setTimeout as delay } from "node:timers/promises";
import { type Job, job } from "#kit/jobs/job.ts";
import { startJobs } from "#kit/jobs/jobs.ts";
import { type BenchDatabase, rootScope, silent } from "./kit-bench.ts";
import type { VictimOrders } from "./kit-events-bench.ts";

/**
 * A job that writes down when it begins and ends.
 *
 * @param db where
 * @param who does it
 * @param begun called each time it has begun
 */
export function shift(db: BenchDatabase, who: string, begun: () => void = () => {}): Job {
  const write = (what: string) =>
    db.sql
      .insertInto("note")
      .values({ text: `${what} ${who}` })
      .execute();
  return job({
    name: "shift",
    everyMs: 20,
    timeoutMs: 100,
    async run() {
      await write("begin");
      begun();
      // Several looks of the other replica fall into it.
      await delay(30);
      await write("end");
    },
  });
}

/**
 * Takes shifts until the third, in which it kills its process.
 *
 * @param db the database
 * @param orders how far its clock is ahead
 * @param die kills the process
 */
export async function runVictimJob(
  db: BenchDatabase,
  { aheadMs = 0 }: VictimOrders,
  die: () => void,
): Promise<void> {
  const { now } = Date;
  Date.now = () => now() + aheadMs;
  let times = 0;
  startJobs([shift(db, "victim", () => ++times === 3 && die())], db, rootScope, silent);
}
