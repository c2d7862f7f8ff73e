import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import type { Database } from "../data/database.ts";
import { expireKeys } from "../data/idempotency.ts";
import { forgetEvents } from "../data/inbox.ts";
import { pause } from "../events/pause.ts";
import type { RootScope } from "../rpc/root-scope.ts";
import { forgetSagas } from "../saga/store.ts";
import type { Job } from "./job.ts";

/** A job with its last run. */
export interface JobReport {
  readonly name: string;
  readonly everyMs: number;
  readonly lastStartTime: Date | undefined;
  readonly lastEndTime: Date | undefined;
  /** Empty when the last run succeeded. */
  readonly lastError: string;
}

/** The jobs of one service. */
export interface Jobs {
  list(): Promise<JobReport[]>;
  /** Begins no more runs and waits for those under way. */
  stop(): Promise<void>;
}

const RUN_MS = 60_000;
/** The most time between two looks at a job, in ms. */
const LOOK_MS = 10_000;
/** A run that ended is stored within this time, in ms; who does not come so far has died. */
const MARGIN_MS = 5_000;
const CLEAN_UP_MS = 60_000;
const CLEAN_UP_ROWS = 5_000;

/**
 * Runs jobs when they are due. The row of a job is the right to run it: a replica takes it by
 * setting the next start and a lease that lasts longer than the run, so that of several replicas one
 * runs it at a time, and one that dies is followed.
 *
 * @param jobs the service's own; the kit's clean-up comes with them
 * @param db where their runs are recorded
 * @param rootScope makes the scope of a run
 * @param log the service's log
 */
export function startJobs(jobs: readonly Job[], db: Database, rootScope: RootScope, log: Logger): Jobs {
  const all = [...jobs, ...cleanUp(db)];
  const stopping = new AbortController();
  const done = all.map((job) => keepRunning(job, db, rootScope, log, stopping.signal));
  return {
    async list() {
      const { rows } = await db.pool.run(
        "select name, last_start_time, last_end_time, last_error from mesh.job",
      );
      const byName = new Map(rows.map((row) => [row.name as string, row]));
      return all.map(({ name, everyMs }) => {
        const row = byName.get(name);
        return {
          name,
          everyMs,
          lastStartTime: row?.last_start_time ?? undefined,
          lastEndTime: row?.last_end_time ?? undefined,
          lastError: row?.last_error ?? "",
        };
      });
    },
    async stop() {
      stopping.abort();
      await Promise.all(done);
    },
  };
}

async function keepRunning(job: Job, db: Database, rootScope: RootScope, log: Logger, signal: AbortSignal) {
  const lookMs = Math.min(job.everyMs, LOOK_MS);
  while (!signal.aborted) {
    await pause(lookMs * (0.9 + Math.random() / 5), signal);
    if (signal.aborted) return;
    try {
      const lease = await takeLease(job, db);
      if (lease !== undefined) await giveBack(lease, await runOnce(job, rootScope, log, signal), db);
    } catch (error) {
      log.warn({ err: error, job: job.name }, "job cannot be looked at");
    }
  }
}

/**
 * Takes the right to run a job.
 *
 * @returns the lease; undefined when the job is not due, or runs
 */
async function takeLease(
  { name, everyMs, timeoutMs = RUN_MS }: Job,
  db: Database,
): Promise<string | undefined> {
  const lease = randomUUID();
  const { rowCount } = await db.pool.run(
    `insert into mesh.job as job (name, next_start_time, last_start_time, lease, lease_until)
     values ($1, now() + $2 * interval '1 millisecond', now(), $3, now() + $4 * interval '1 millisecond')
     on conflict (name) do update
       set next_start_time = excluded.next_start_time, last_start_time = now(), last_end_time = null,
           lease = excluded.lease, lease_until = excluded.lease_until
       where job.next_start_time <= now() + interval '10 milliseconds'
         and (job.lease is null or job.lease_until <= now())`,
    [name, everyMs, lease, timeoutMs + MARGIN_MS],
  );
  return rowCount === 1 ? lease : undefined;
}

async function runOnce(job: Job, rootScope: RootScope, log: Logger, signal: AbortSignal): Promise<string> {
  try {
    await job.run(rootScope({ timeoutMs: job.timeoutMs ?? RUN_MS, signal }));
    return "";
  } catch (error) {
    log.warn({ err: error, job: job.name }, "job failed");
    return error instanceof Error ? error.message : String(error);
  }
}

async function giveBack(lease: string, failure: string, db: Database): Promise<void> {
  await db.pool.run(
    "update mesh.job set last_end_time = now(), last_error = $2, lease = null where lease = $1",
    [lease, failure],
  );
}

/** What the kit's own tables need from time to time. */
function cleanUp(db: Database): Job[] {
  const untilDone = async (remove: typeof expireKeys) => {
    while ((await remove(db.pool.run, CLEAN_UP_ROWS)) === CLEAN_UP_ROWS);
  };
  return [
    { name: "expire-idempotency-keys", everyMs: CLEAN_UP_MS, run: () => untilDone(expireKeys) },
    { name: "forget-events", everyMs: CLEAN_UP_MS, run: () => untilDone(forgetEvents) },
    { name: "forget-sagas", everyMs: CLEAN_UP_MS, run: () => untilDone(forgetSagas) },
  ];
}
