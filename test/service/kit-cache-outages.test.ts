import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import { eventually } from "../eventually.ts";
import { startNats, testStores } from "../stores.ts";
import { requireTool } from "../tools.ts";
import { layCable } from "./kit-cable.ts";
import { hearing, openCacheBench } from "./kit-cache-bench.ts";
import { outboxEmpty } from "./kit-events-bench.ts";

async function redisUrl(t: ExecutionContext): Promise<string | undefined> {
  return requireTool(t, "Redis", (await testStores()).redisUrl);
}

test("replicas share answers, and none is given that a change of any replica overtook", async (t) => {
  const url = await redisUrl(t);
  if (url === undefined) return;
  const { replica } = await openCacheBench(t);
  const [here, there] = [await replica({ redisUrl: url }), await replica({ redisUrl: url })];
  let text = "";
  // No answer waits until it is in Redis.
  await eventually(async () => {
    text = randomUUID();
    await here.read(text);
    const before = there.loads();
    assert.equal(await there.read(text), 0n);
    assert.equal(there.loads(), before, "the other one has loaded it");
  });
  await there.change(text);
  t.is(await there.read(text), 1n);
  await eventually(async () => assert.equal(await here.read(text), 1n));
});

test("an answer that was in Redis while nobody could reach it is not given after a change", async (t) => {
  const url = await redisUrl(t);
  if (url === undefined) return;
  const cable = await layCable(t, url);
  const { replica } = await openCacheBench(t);
  const here = await replica({ redisUrl: cable.url });
  await here.read("a");
  await cable.cut();
  await here.change("a");
  t.is(await here.read("a"), 1n);
  await outboxEmpty(here.db);
  await cable.mend();
  // It has forgotten all that it knew itself, and finds in Redis what was there before the change.
  const later = await replica({ redisUrl: url });
  t.is(await later.read("a"), 1n);
});

test("Redis that stands still costs no call more than a moment", async (t) => {
  const cable = await layCable(t, "redis://127.0.0.1:1");
  const { replica } = await openCacheBench(t);
  const { read } = await replica({ redisUrl: cable.url });
  for (let at = 0; at < 50; at++) t.is(await read(`text-${at}`), 0n);
});

test("while a replica hears of no events its answers live a second, and then it hears what it missed", async (t) => {
  const { natsUrl } = await testStores();
  const cable = await layCable(t, natsUrl);
  const { replica } = await openCacheBench(t);
  const [here, there] = [await replica(), await replica({ natsUrl: cable.url })];
  await Promise.all([there.read("a"), there.read("b")]);
  await cable.cut();
  await hearing([there], 0);
  await Promise.all([here.change("a"), here.change("b")]);
  await eventually(async () => assert.equal(await there.read("a"), 1n));
  await outboxEmpty(here.db);
  await cable.mend();
  await hearing([there]);
  t.is(await there.read("b"), 1n);
});

test("NATS that was stopped and started: changes made meanwhile are seen, and answers are remembered again", async (t) => {
  const nats = await startNats(t);
  const { replica } = await openCacheBench(t, undefined, nats.url);
  const [here, there] = [await replica(), await replica()];
  await Promise.all([here.read("a"), there.read("a")]);
  await nats.stop();
  await here.change("a");
  t.is(await here.read("a"), 1n);
  await eventually(async () => assert.equal(await there.read("a"), 1n));
  await nats.start();
  await hearing([here, there]);
  await there.change("a");
  await eventually(async () => assert.equal(await here.read("a"), 2n));
});

test("a replica that starts late takes from Redis only what no event has overtaken", async (t) => {
  const url = await redisUrl(t);
  if (url === undefined) return;
  const { replica } = await openCacheBench(t);
  const here = await replica({ redisUrl: url });
  await Promise.all([here.read("a"), here.read("b")]);
  await here.change("a");
  await outboxEmpty(here.db);
  const late = await replica({ redisUrl: url });
  const before = late.loads();
  t.is(await late.read("b"), 0n);
  t.is(late.loads(), before);
  t.is(await late.read("a"), 1n);
  t.is(late.loads(), before + 1);
});
