import assert from "node:assert/strict";
import { once } from "node:events";
import test from "ava";
import { Vary } from "#gen/souk/mesh/v1/policy_pb.ts";
import { Code, MeshReason, refuseMesh, type SoukError } from "#kit/error.ts";
import { eventually } from "../eventually.ts";
import { totalOf } from "./kit-bench.ts";
import { HOUR, openCacheBench } from "./kit-cache-bench.ts";

const ALWAYS_STALE = { ttl: { nanos: 1 } };

test("an answer is given again as it was stored, and tells HTTP caches how long it serves", async (t) => {
  const { replica } = await openCacheBench(t, {
    ...HOUR,
    staleWhileRevalidate: { seconds: 60n },
    staleIfError: { seconds: 600n },
  });
  const here = await replica();
  const [first, second] = [await here.ask("a"), await here.ask("a")];
  t.is(here.loads(), 1);
  t.deepEqual(second.bytes, first.bytes);
  t.deepEqual(second.headers.get("cache-control"), [
    "public, max-age=3600, stale-while-revalidate=60, stale-if-error=600",
  ]);
  t.regex(String(second.headers.get("etag")[0]), /^"[\w-]{22}"$/);
  t.deepEqual(second.headers.get("etag"), first.headers.get("etag"));
  t.deepEqual(second.headers.get("vary"), []);
  await here.ask("b");
  t.is(here.loads(), 2);
});

test("an answer that depends on who asks is given to nobody else", async (t) => {
  const { replica } = await openCacheBench(t, { ...HOUR, vary: Vary.PRINCIPAL });
  const here = await replica();
  const asCaller = () => here.read("a");
  await asCaller();
  const { headers } = await here.ask("a");
  t.is(here.loads(), 2);
  t.deepEqual(headers.get("cache-control"), ["private, max-age=3600"]);
  t.deepEqual(headers.get("vary"), ["authorization"]);
  await asCaller();
  await here.ask("a");
  t.is(here.loads(), 2);
});

test("in this process all who ask share one message, which nobody can change", async (t) => {
  const { replica } = await openCacheBench(t);
  const { mesh, loads } = await replica({ plane: "local" });
  const first = await mesh.client().unary({ text: "a" });
  t.is(await mesh.client().unary({ text: "a" }), first);
  t.is(loads(), 1);
  t.throws(() => Object.assign(first, { text: "b" }), { instanceOf: TypeError });
});

test("those who ask at the same time share one load, which outlives the one who began it", async (t) => {
  const { replica } = await openCacheBench(t);
  const begun = Promise.withResolvers<void>();
  const open = Promise.withResolvers<void>();
  const { mesh, loads } = await replica({
    unary: async ({ text }) => {
      begun.resolve();
      if (text === "a") await open.promise;
      return { text, number: 1n };
    },
  });
  const hangUp = new AbortController();
  const first = mesh.client().unary({ text: "a" }, { signal: hangUp.signal });
  await begun.promise;
  const hasty = t.throwsAsync<SoukError>(mesh.client().unary({ text: "a" }, { timeoutMs: 50 }));
  const patient = Array.from({ length: 20 }, () => mesh.client().unary({ text: "a" }));
  // The answer to a later call tells that those before it have arrived.
  await mesh.client().unary({ text: "later" });
  t.is((await hasty)?.code, Code.DEADLINE_EXCEEDED);
  hangUp.abort();
  t.is((await t.throwsAsync<SoukError>(first))?.code, Code.CANCELLED);
  open.resolve();
  for (const { number } of await Promise.all(patient)) t.is(number, 1n);
  t.is(loads(), 2, "one of them for another text");
});

test("when nobody waits for an answer any more, the work behind it is told", async (t) => {
  const { replica } = await openCacheBench(t);
  const begun = Promise.withResolvers<void>();
  const told = Promise.withResolvers<void>();
  let serves = false;
  const { mesh, read } = await replica({
    unary: async ({ text }, { signal }) => {
      if (serves) return { text, number: 1n };
      begun.resolve();
      await once(signal, "abort");
      told.resolve();
      throw signal.reason;
    },
  });
  const hangUp = new AbortController();
  const call = mesh.client().unary({ text: "a" }, { signal: hangUp.signal });
  call.catch(() => {});
  await begun.promise;
  hangUp.abort();
  await told.promise;
  serves = true;
  t.is(await read("a"), 1n, "who comes later begins anew");
});

test("what failed is not remembered", async (t) => {
  const { replica } = await openCacheBench(t);
  const { read, loads } = await replica({
    unary: async () => {
      throw refuseMesh(MeshReason.NOT_FOUND, "there is none");
    },
  });
  for (const _ of Array(2)) t.is((await t.throwsAsync<SoukError>(read("a")))?.code, Code.NOT_FOUND);
  t.is(loads(), 2);
});

test("a request that the contract refuses is refused, however often it comes", async (t) => {
  const { replica } = await openCacheBench(t);
  const { read, loads } = await replica();
  for (const _ of Array(2)) t.is((await t.throwsAsync<SoukError>(read("\0")))?.code, Code.INVALID_ARGUMENT);
  t.is(loads(), 0);
});

test("a stale answer is given once more, marked as such, while a new one is fetched", async (t) => {
  const { replica } = await openCacheBench(t, { ...ALWAYS_STALE, staleWhileRevalidate: { seconds: 3_600n } });
  let number = 0n;
  const here = await replica({ unary: async ({ text }) => ({ text, number: ++number }) });
  t.is((await here.ask("a")).number, 1n);
  const stale = await here.ask("a");
  t.is(stale.number, 1n);
  t.deepEqual(stale.headers.get("warning"), ['110 - "Response is Stale"']);
  await eventually(async () => assert.ok((await here.ask("a")).number > 1n));
});

test("where a new answer cannot be had, an old one is given and marked; a refusal is passed on", async (t) => {
  const { replica } = await openCacheBench(t, { ...ALWAYS_STALE, staleIfError: { seconds: 3_600n } });
  let failure: SoukError | undefined;
  const here = await replica({
    unary: async ({ text }) => {
      if (failure !== undefined) throw failure;
      return { text, number: 1n };
    },
  });
  await here.ask("a");
  failure = refuseMesh(MeshReason.DEPENDENCY_UNAVAILABLE, "the store is away");
  const { number, headers } = await here.ask("a");
  t.is(number, 1n);
  t.deepEqual(headers.get("warning"), ['111 - "Revalidation Failed"']);
  failure = refuseMesh(MeshReason.NOT_FOUND, "it is gone");
  await t.throwsAsync(here.ask("a"), { message: /gone/ });
  failure = refuseMesh(MeshReason.DEPENDENCY_UNAVAILABLE, "the store is away");
  await t.throwsAsync(here.ask("b"), { message: /away/ });
});

test("where a new answer takes too long, an old one is given before the time of the call is up", async (t) => {
  const { replica } = await openCacheBench(t, { ...ALWAYS_STALE, staleIfError: { seconds: 3_600n } });
  let hangs = false;
  const here = await replica({
    unary: async ({ text }, { signal }) => {
      if (hangs) await once(signal, "abort");
      return { text, number: 1n };
    },
  });
  await here.read("a");
  hangs = true;
  t.is((await here.mesh.client().unary({ text: "a" }, { timeoutMs: 3_000 })).number, 1n);
});

test("a change is seen at once by whoever made it, and soon by every replica", async (t) => {
  const { replica } = await openCacheBench(t);
  const [here, there] = [await replica(), await replica()];
  for (let total = 0n; total < 5n; total++) {
    t.is(await here.read("a"), total);
    await eventually(async () => assert.equal(await there.read("a"), total));
    await here.change("a");
  }
  await here.change("b");
  t.is(await here.read("a"), 5n);
  const loads = here.loads();
  await eventually(async () => {
    const before = here.loads();
    await here.read("a");
    assert.equal(here.loads(), before);
  });
  t.true(here.loads() <= loads + 2, "a change of something else ends nothing");
});

test("what was loaded while a change was made is not kept for longer than it is true", async (t) => {
  const { replica } = await openCacheBench(t);
  const read = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  let slow = true;
  const there = await replica({
    unary: async ({ text }) => {
      const number = await totalOf(there.db, text);
      if (slow) {
        read.resolve();
        await goOn.promise;
      }
      return { text, number };
    },
  });
  const here = await replica();
  const early = there.read("a");
  await read.promise;
  slow = false;
  await here.change("a");
  goOn.resolve();
  t.is(await early, 0n, "it was true when it was asked for");
  await eventually(async () => assert.equal(await there.read("a"), 1n));
});

test("who asks after a change is not given what was being loaded before", async (t) => {
  const { replica } = await openCacheBench(t);
  const read = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  let first = true;
  const here = await replica({
    unary: async ({ text }) => {
      const number = await totalOf(here.db, text);
      if (first) {
        first = false;
        read.resolve();
        await goOn.promise;
      }
      return { text, number };
    },
  });
  const early = here.read("a");
  await read.promise;
  await here.change("a");
  const late = here.read("a");
  goOn.resolve();
  t.deepEqual(await Promise.all([early, late]), [0n, 1n]);
});

test("readers and changes at the same time: who made a change never reads what was before", async (t) => {
  const { replica } = await openCacheBench(t);
  const here = await replica();
  let made = 0n;
  let changing = true;
  const readers = Array.from({ length: 4 }, async () => {
    while (changing) {
      const before = made;
      const number = await here.read("a");
      if (number < before) t.fail(`${number} after ${before}`);
    }
  });
  for (; made < 60n; made++) await here.change("a");
  changing = false;
  await Promise.all(readers);
  t.is(await here.read("a"), 60n);
});

test("what is given, how, and what it takes is measured", async (t) => {
  const { replica } = await openCacheBench(t);
  const here = await replica();
  const measured = async (name: string) => (await here.metrics()).get(name);
  await here.read("a");
  t.true(((await measured("bytes")) ?? 0) > 0);
  for (const _ of Array(3)) await here.read("a");
  await here.change("a");
  await here.read("a");
  t.is(await measured("hit"), 3);
  t.is(await measured("miss"), 2);
  t.is(await measured("stale"), 0);
  t.is(await measured("overtaken_total"), 1);
});

test("a process remembers no more than it may, and forgets first what was not asked for", async (t) => {
  const { replica } = await openCacheBench(t);
  const here = await replica({ memoryBytes: 20_000 });
  await here.read("often");
  for (let at = 0; at < 100; at++) {
    await here.read(`text-${at}`);
    await here.read("often");
    t.true(((await here.metrics()).get("bytes") ?? 0) <= 20_000);
  }
  const loads = here.loads();
  await here.read("often");
  t.is(here.loads(), loads);
  await here.read("text-0");
  t.is(here.loads(), loads + 1);
});
