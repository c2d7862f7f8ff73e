import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import type { RunningShop } from "../running-shop.ts";
import { shopDatabase } from "../shop-database.ts";

/** A run of a job. */
export interface JobRun {
  readonly service: string;
  readonly name: string;
  /** Not a number when it did not end in time. */
  readonly tookMs: number;
  /** Empty when it succeeded. */
  readonly error: string;
}

const SERVICES = ["auth", "product", "order", "payment", "inventory"];
/** Each replica looks at each of its jobs at least so often, in ms. */
const LOOK_MS = 12_000;
const WITHIN_MS = 120_000;

/**
 * Has each job of a shop run once, and waits until all have.
 *
 * @param running the shop
 */
export async function runJobs(running: RunningShop): Promise<JobRun[]> {
  const runs = await Promise.all(SERVICES.map((service) => runJobsOf(running, service)));
  return runs.flat();
}

async function runJobsOf(running: RunningShop, service: string): Promise<JobRun[]> {
  const client = new pg.Client({ connectionString: shopDatabase(running, service) });
  await client.connect();
  try {
    // A job is known once it has run for the first time.
    await delay(LOOK_MS);
    const { rows } = await client.query<{ since: string }>("select now()::text as since");
    await client.query("update mesh.job set next_start_time = now()");
    await delay(LOOK_MS);
    for (const until = performance.now() + WITHIN_MS; ; await delay(100)) {
      const runs = await read(client, service, rows[0]?.since as string);
      if (runs.every(({ tookMs }) => !Number.isNaN(tookMs)) || performance.now() > until) return runs;
    }
  } finally {
    await client.end();
  }
}

async function read(client: pg.Client, service: string, since: string): Promise<JobRun[]> {
  const { rows } = await client.query<{ name: string; error: string; ms: number | null }>(
    `select name, last_error as error, case when last_start_time >= $1 then
       (extract(epoch from last_end_time - last_start_time) * 1000)::float8 end as ms
     from mesh.job order by name`,
    [since],
  );
  return rows.map(({ name, error, ms }) => ({ service, name, tookMs: ms ?? Number.NaN, error }));
}
