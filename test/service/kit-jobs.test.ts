import assert from "node:assert/strict";
import test from "ava";
import { uuidv7 } from "uuidv7";
import { type Job, job } from "#kit/jobs/job.ts";
import { type Jobs, startJobs } from "#kit/jobs/jobs.ts";
import { eventually } from "../eventually.ts";
import type { Teardown } from "../stores.ts";
import {
  answer,
  type BenchDatabase,
  callScope,
  makeDatabase,
  openBench,
  rootScope,
  silent,
} from "./kit-bench.ts";
import { runVictim } from "./kit-events-bench.ts";
import { shift } from "./kit-jobs-shift.ts";

function start(t: Teardown, db: BenchDatabase, ...jobs: Job[]): Jobs {
  const started = startJobs(jobs, db, rootScope, silent);
  t.teardown(() => started.stop());
  return started;
}

async function reportOf(jobs: Jobs, name: string) {
  const report = (await jobs.list()).find((it) => it.name === name);
  assert(report);
  return report;
}

test("a job runs again and again, on one replica at a time, also when it takes longer than its interval", async (t) => {
  const url = await makeDatabase(t);
  let running = 0;
  let most = 0;
  let runs = 0;
  const long = job({
    name: "long",
    everyMs: 10,
    async run() {
      most = Math.max(most, ++running);
      // Several looks of the other replicas fall into it.
      await new Promise((resolve) => setTimeout(resolve, 50));
      running--;
      runs++;
    },
  });
  for (let replica = 0; replica < 3; replica++) start(t, openBench(t, url), long);
  await eventually(() => assert(runs >= 5));
  t.is(most, 1);
});

test("a job whose process died is run by another one when its time is up", async (t) => {
  const url = await makeDatabase(t);
  const db = openBench(t, url);
  const lost = "insert into mesh.job (name, next_start_time, last_start_time, lease, lease_until) values ";
  const soon = "now() + interval '1 second'";
  await db.pool.run(`${lost} ('lost', now(), now(), gen_random_uuid(), ${soon})`);
  let ranAt = 0;
  const { rows } = await db.pool.run("select lease_until from mesh.job");
  start(
    t,
    db,
    job({
      name: "lost",
      everyMs: 20,
      async run() {
        if (ranAt === 0) ranAt = Date.now();
      },
    }),
  );
  await eventually(() => assert(ranAt > 0));
  t.true(ranAt >= rows[0].lease_until.getTime());
});

test("replicas whose clocks are a day apart take turns at a job, and one that is killed in a run is followed", async (t) => {
  const url = await makeDatabase(t);
  const db = openBench(t, url);
  start(t, db, shift(db, "we"));
  t.is(await runVictim(t, { as: "job", url, aheadMs: 86_400_000 }), "SIGKILL");
  const notes = async () =>
    (await db.sql.selectFrom("note").select("text").orderBy("seq").execute()).map(({ text }) => text);
  await eventually(async () => {
    const all = await notes();
    assert.ok(all.slice(all.lastIndexOf("begin victim")).includes("end we"));
  });
  const all = await notes();
  const killedAt = all.lastIndexOf("begin victim");
  t.is(all.filter((text) => text === "end victim").length, 2);
  // Each run ends before the next one begins, but for the one that was cut short.
  for (const [at, text] of all.entries()) {
    if (at === killedAt || text.startsWith("end")) continue;
    t.is(all[at + 1] ?? text.replace("begin", "end"), text.replace("begin", "end"));
  }
});

test("a job that fails is recorded with its error, and runs again", async (t) => {
  const db = openBench(t, await makeDatabase(t));
  let broken = true;
  const jobs = start(
    t,
    db,
    job({
      name: "shaky",
      everyMs: 20,
      async run() {
        if (broken) throw new Error("out of paper");
      },
    }),
  );
  await eventually(async () => assert.equal((await reportOf(jobs, "shaky")).lastError, "out of paper"));
  broken = false;
  await eventually(async () => {
    const { lastError, lastEndTime } = await reportOf(jobs, "shaky");
    assert.equal(lastError, "");
    assert(lastEndTime);
  });
  const { lastStartTime, lastEndTime, everyMs } = await reportOf(jobs, "shaky");
  t.true(lastStartTime instanceof Date);
  t.true(lastEndTime === undefined || lastEndTime instanceof Date);
  t.is(everyMs, 20);
});

test("a job that runs when its service stops is told, and waited for", async (t) => {
  const db = openBench(t, await makeDatabase(t));
  const begun = Promise.withResolvers<void>();
  let ended = false;
  const jobs = start(
    t,
    db,
    job({
      name: "patient",
      everyMs: 10,
      async run({ signal }) {
        begun.resolve();
        await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
        ended = true;
      },
    }),
  );
  await begun.promise;
  await jobs.stop();
  t.true(ended);
});

test("what the kit need not remember any more is forgotten, and only that", async (t) => {
  const db = openBench(t, await makeDatabase(t));
  const old = "01890000-0000-7000-8000-00000000000";
  await db.write(callScope("fresh"), async () => answer(""));
  await db.pool.run(`insert into mesh.idempotency (owner, key, request_hash, create_time)
    select 'test', 'old ' || n, '', now() - interval '25 hours' from generate_series(1, 6000) n`);
  await db.pool.run("insert into mesh.inbox (event_id, consumer) values ($1, 'x'), ($2, 'x')", [
    `${old}1`,
    uuidv7(),
  ]);
  const saga = (id: string, state: string) =>
    db.pool.run(
      `insert into mesh.saga (id, name, state, step, request_id, lease, lease_until)
       values ($1, 'story', $2, 0, '', gen_random_uuid(), now() + interval '1 hour')`,
      [id, state],
    );
  await saga(`${old}2`, "succeeded");
  await saga(`${old}3`, "running");
  await saga(uuidv7(), "failed");
  const count = async (table: string) => (await db.pool.run(`select from mesh.${table}`)).rowCount;
  start(t, db);
  await eventually(async () => {
    assert.deepEqual([await count("idempotency"), await count("inbox"), await count("saga")], [1, 1, 2]);
  });
  t.pass();
});
