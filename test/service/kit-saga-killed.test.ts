import assert from "node:assert/strict";
import test from "ava";
import { uuidv7 } from "uuidv7";
import { eventually } from "../eventually.ts";
import { callScope, makeDatabase, openBench } from "./kit-bench.ts";
import { runVictim } from "./kit-events-bench.ts";
import { BAD_END, type Fate, GOOD_END, startStories, truthOf } from "./kit-saga-story.ts";

const RUNS = ["reserve", "charge", "pack"].flatMap((step) => [`${step} before run`, `${step} after run`]);
const UNDOINGS = ["charge", "reserve", "abandon"].flatMap((step) => [
  `${step} before undo`,
  `${step} after undo`,
]);

const MOMENTS: Readonly<Record<string, readonly string[]>> = {
  succeeds: [...RUNS, "complete before run", "complete after run"],
  declined: [...RUNS.slice(0, -1), ...UNDOINGS],
  uncertain: ["pack before undo", "pack after undo"],
};

test("wherever the process of a saga is killed, another one brings it to the same end", async (t) => {
  t.timeout(240_000);
  const url = await makeDatabase(t);
  const db = openBench(t, url);
  const { tell } = startStories(t, db);
  const victims = Object.entries(MOMENTS).flatMap(([fate, moments]) =>
    moments.map((moment) => ({ fate: fate as Fate, moment, id: uuidv7() })),
  );
  const waiting = [...victims];
  async function killNext(): Promise<void> {
    for (let victim = waiting.pop(); victim !== undefined; victim = waiting.pop()) {
      t.is(await runVictim(t, { as: "saga", url, ...victim }), "SIGKILL", victim.moment);
    }
  }
  await Promise.all([killNext(), killNext(), killNext()]);
  for (const { fate, moment, id } of victims) {
    const end = fate === "succeeds" ? GOOD_END : BAD_END;
    await eventually(async () => assert.deepEqual(await truthOf(db, id), end, `${fate}: ${moment}`));
    // Whoever calls again with the same key learns how it ended.
    const again = tell(fate, { id: uuidv7(), scope: callScope(id) });
    if (fate === "succeeds") t.deepEqual(await again, { paid: 9_007_199_254_740_993n });
    else await t.throwsAsync(again, { message: fate === "declined" ? /no box/ : /line went dead/ });
  }
});
