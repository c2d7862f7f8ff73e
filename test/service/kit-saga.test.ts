import assert from "node:assert/strict";
import test from "ava";
import fc from "fast-check";
import { uuidv7 } from "uuidv7";
import { RetryInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import { Code, detailOf, isMeshRefusal, MeshReason, SoukError } from "#kit/error.ts";
import { decodeValue, encodeValue } from "#kit/saga/codec.ts";
import type { SagaMoment } from "#kit/saga/run-saga.ts";
import { eventually } from "../eventually.ts";
import { SEED } from "../seed.ts";
import { callScope, makeDatabase, openBench } from "./kit-bench.ts";
import { layCable } from "./kit-cable.ts";
import { BAD_END, GOOD_END, startStories, truthOf } from "./kit-saga-story.ts";

const AMOUNT = 9_007_199_254_740_993n;

test("a saga whose steps succeed gives its result", async (t) => {
  const db = openBench(t, await makeDatabase(t));
  const { tell } = startStories(t, db);
  const id = uuidv7();
  t.deepEqual(await tell("succeeds", { id, scope: callScope("key") }), { paid: AMOUNT });
  t.deepEqual(await truthOf(db, id), GOOD_END);
});

test("a saga that goes well costs few statements", async (t) => {
  const db = openBench(t, await makeDatabase(t));
  const { tell } = startStories(t, db, { leaseMs: 10_000 });
  const before = db.pool.statements();
  for (let n = 0; n < 20; n++) await tell("succeeds", { scope: callScope(`key ${n}`) });
  // BEGIN, a note, the saga, COMMIT; three steps; BEGIN, a note, the end, COMMIT. Beside that
  // it is looked, from time to time, whether sagas were lost.
  const each = (db.pool.statements() - before) / 20;
  t.true(each >= 11 && each < 13, `${each} statements`);
});

test("a step that fails for good has the steps before it undone, and the caller gets its error whole, each time", async (t) => {
  const db = openBench(t, await makeDatabase(t));
  const moments: string[] = [];
  const { tell } = startStories(t, db, {
    observe({ step, phase, direction }) {
      if (phase === "before") moments.push(`${direction} ${step}`);
    },
  });
  const id = uuidv7();
  for (const attempt of ["first", "again", "and again"]) {
    const error = await t.throwsAsync(tell("declined", { id, scope: callScope("key") }), {
      instanceOf: SoukError,
    });
    t.like(
      error,
      { code: Code.NOT_FOUND, reason: "NOT_FOUND", message: "there is no box that fits" },
      attempt,
    );
    t.deepEqual({ ...error?.metadata }, { shelf: "12" });
    t.is(error && detailOf(error, RetryInfoSchema)?.retryDelay?.seconds, 5n);
  }
  t.deepEqual(moments, [
    "run reserve",
    "run charge",
    "run pack",
    "undo charge",
    "undo reserve",
    "undo abandon",
  ]);
  t.deepEqual(await truthOf(db, id), BAD_END);
});

test("a step whose outcome stays uncertain is tried again, then given up and undone as well", async (t) => {
  const db = openBench(t, await makeDatabase(t));
  const attempts: string[] = [];
  const at = (step: string, direction: string) => void (step === "pack" && attempts.push(direction));
  const { tell } = startStories(t, db, { at });
  const id = uuidv7();
  await t.throwsAsync(tell("uncertain", { id }), { message: "the line went dead" });
  t.deepEqual(attempts, ["run", "run", "undo"]);
  t.deepEqual(await truthOf(db, id), BAD_END);
});

test("a step that fails at first is tried again until it succeeds", async (t) => {
  const db = openBench(t, await makeDatabase(t));
  const { tell } = startStories(t, db, {
    at(step, _, attempt) {
      if (step === "charge" && attempt < 3) throw new Error("not yet");
    },
  });
  const id = uuidv7();
  t.deepEqual(await tell("succeeds", { id }), { paid: AMOUNT });
  t.deepEqual(await truthOf(db, id), GOOD_END);
});

test("a saga that failed for want of something and is undone is begun anew by the next call with its key, once", async (t) => {
  const url = await makeDatabase(t);
  let broken = true;
  const at = (step: string, direction: string) => {
    if (broken && step === "pack" && direction === "run") throw new SoukError(Code.UNAVAILABLE, "no paper");
  };
  const [here, there] = [
    startStories(t, openBench(t, url), { at }),
    startStories(t, openBench(t, url), { at }),
  ];
  const ids = Array.from({ length: 10 }, () => uuidv7());
  for (const id of ids.slice(0, 2)) {
    await t.throwsAsync(here.tell("succeeds", { id, scope: callScope("key") }), { message: "no paper" });
  }
  const error = await t.throwsAsync(here.tell("succeeds", { scope: callScope("key", "other") }));
  t.true(isMeshRefusal(error, MeshReason.IDEMPOTENCY_KEY_REUSED));
  broken = false;
  const results = await Promise.all(
    ids
      .slice(2)
      .map((id, index) => (index % 2 ? here : there).tell("succeeds", { id, scope: callScope("key") })),
  );
  for (const result of results) t.deepEqual(result, { paid: AMOUNT });
  t.deepEqual(await here.tell("succeeds", { scope: callScope("key") }), { paid: AMOUNT });
  const db = openBench(t, url);
  const truths = await Promise.all(ids.map((id) => truthOf(db, id)));
  t.deepEqual(
    truths.filter((truth) => truth.length > 0),
    [BAD_END, BAD_END, GOOD_END],
  );
});

test("while a saga is being undone its key is not free", async (t) => {
  const db = openBench(t, await makeDatabase(t));
  let [broken, closed] = [true, true];
  const { tell } = startStories(t, db, {
    at(step, direction) {
      if (broken && step === "pack" && direction === "run") throw new SoukError(Code.UNAVAILABLE, "no paper");
      if (closed && step === "charge" && direction === "undo") throw new Error("the bank is closed");
    },
  });
  const [first, second] = [uuidv7(), uuidv7()];
  await t.throwsAsync(tell("succeeds", { id: first, scope: callScope("key") }), { message: "no paper" });
  broken = false;
  await t.throwsAsync(tell("succeeds", { id: second, scope: callScope("key") }), { message: "no paper" });
  t.deepEqual(await truthOf(db, first), ["charged", "reserved", "begun"]);
  t.deepEqual(await truthOf(db, second), []);
  closed = false;
  t.deepEqual(await eventually(() => tell("succeeds", { id: second, scope: callScope("key") })), {
    paid: AMOUNT,
  });
  t.deepEqual(await truthOf(db, first), BAD_END);
  t.deepEqual(await truthOf(db, second), GOOD_END);
});

test("equal calls at the same time, on all replicas, are one saga with one result", async (t) => {
  const url = await makeDatabase(t);
  const replicas = [startStories(t, openBench(t, url)), startStories(t, openBench(t, url))];
  const ids = Array.from({ length: 12 }, () => uuidv7());
  const scopes = ids.map(() => callScope("key"));
  const results = await Promise.all(
    ids.map((id, index) => replicas[index % 2]?.tell("succeeds", { id, scope: scopes[index] as never })),
  );
  for (const result of results) t.deepEqual(result, { paid: AMOUNT });
  t.true(scopes.every(({ idempotency }) => idempotency?.kept));
  const db = openBench(t, url);
  t.is((await db.pool.run("select from mesh.saga")).rowCount, 1);
  const truths = await Promise.all(ids.map((id) => truthOf(db, id)));
  t.deepEqual(
    truths.filter((truth) => truth.length > 0),
    [GOOD_END],
  );
});

test("a key that comes with another request is refused", async (t) => {
  const db = openBench(t, await makeDatabase(t));
  const { tell } = startStories(t, db);
  await tell("succeeds", { scope: callScope("key", "this") });
  const error = await t.throwsAsync(tell("succeeds", { scope: callScope("key", "that") }));
  t.true(isMeshRefusal(error, MeshReason.IDEMPOTENCY_KEY_REUSED));
});

test("when preparing fails there is no saga, and its key is free", async (t) => {
  const db = openBench(t, await makeDatabase(t));
  const { sagas, tell } = startStories(t, db);
  const story = { name: "story", steps: [], complete: async () => ({}), abandon: async () => {} };
  const failing = sagas.execute(callScope("key"), story, {
    id: uuidv7(),
    prepare: () => Promise.reject(new Error("nothing to tell")),
  });
  await t.throwsAsync(failing, { message: "nothing to tell" });
  t.deepEqual(await tell("succeeds", { scope: callScope("key") }), { paid: AMOUNT });
});

test("when an undoing fails the caller is told at once why the saga failed, and the rest is undone later", async (t) => {
  const db = openBench(t, await makeDatabase(t));
  let closed = true;
  const { sagas, tell } = startStories(t, db, {
    at(step, direction) {
      if (closed && step === "charge" && direction === "undo") throw new Error("the bank is closed");
    },
  });
  const id = uuidv7();
  const scope = () => callScope("key");
  await t.throwsAsync(tell("declined", { id, scope: scope() }), { message: "there is no box that fits" });
  t.deepEqual(await truthOf(db, id), ["charged", "reserved", "begun"]);
  const [saga] = await sagas.list({ state: "compensating", before: undefined, limit: 10 });
  t.like(saga, { id, name: "story", step: 1 });
  await t.throwsAsync(tell("declined", { id, scope: scope() }), { message: "there is no box that fits" });
  closed = false;
  await eventually(async () => assert.deepEqual(await truthOf(db, id), BAD_END));
  t.is((await sagas.list({ state: "failed", before: undefined, limit: 10 })).length, 1);
});

test("a caller whose time is up is told that it is undecided, and learns later how it ended", async (t) => {
  const db = openBench(t, await makeDatabase(t));
  const open = Promise.withResolvers<void>();
  const { tell } = startStories(t, db, { at: (step) => (step === "charge" ? open.promise : undefined) });
  const id = uuidv7();
  for (const timeoutMs of [600, 400]) {
    const scope = callScope("key", "", timeoutMs);
    const error = await t.throwsAsync(tell("succeeds", { id, scope }));
    t.true(isMeshRefusal(error, MeshReason.DEADLINE_EXCEEDED));
  }
  open.resolve();
  t.deepEqual(await tell("succeeds", { id, scope: callScope("key") }), { paid: AMOUNT });
  t.deepEqual(await truthOf(db, id), GOOD_END);
});

test("an owner that stood still until its saga was taken over cannot disturb it", async (t) => {
  const url = await makeDatabase(t);
  const [here, there] = [openBench(t, url), openBench(t, url)];
  const reached = Promise.withResolvers<void>();
  const standstill = Promise.withResolvers<void>();
  let stands = false;
  const slow = startStories(t, here, {
    async observe({ step, phase }) {
      if (step !== "complete" || phase !== "before" || stands) return;
      stands = true;
      reached.resolve();
      await standstill.promise;
    },
  });
  const id = uuidv7();
  const told = slow.tell("succeeds", { id, scope: callScope("key") });
  await reached.promise;
  startStories(t, there);
  await eventually(async () => assert.deepEqual(await truthOf(there, id), GOOD_END));
  standstill.resolve();
  t.deepEqual(await told, { paid: AMOUNT }, "it gets the result of whoever took over");
  t.deepEqual(await truthOf(there, id), GOOD_END);
});

test("a step that outlives its lease may be taken by two, and only one of them ends the saga", async (t) => {
  const url = await makeDatabase(t);
  const [here, there] = [openBench(t, url), openBench(t, url)];
  const reached = Promise.withResolvers<void>();
  const slow = Promise.withResolvers<void>();
  const moments: string[] = [];
  const observe = ({ step, phase, direction }: SagaMoment) =>
    void (phase === "after" && direction === "run" && moments.push(step));
  const first = startStories(t, here, {
    observe,
    async at(step, direction, attempt) {
      if (step !== "charge" || direction !== "run" || attempt > 1) return;
      reached.resolve();
      await slow.promise;
    },
  });
  const id = uuidv7();
  const told = first.tell("succeeds", { id, scope: callScope("key") });
  await reached.promise;
  startStories(t, there, { observe });
  await eventually(async () => assert.deepEqual(await truthOf(there, id), GOOD_END));
  slow.resolve();
  t.deepEqual(await told, { paid: AMOUNT });
  await first.sagas.stop(1_000);
  t.deepEqual(await truthOf(there, id), GOOD_END);
  t.is(moments.filter((step) => step === "complete").length, 1);
});

test("a replica that stops hands its sagas over at once", async (t) => {
  const url = await makeDatabase(t);
  const [here, there] = [openBench(t, url), openBench(t, url)];
  const reached = Promise.withResolvers<void>();
  const hung = Promise.withResolvers<void>();
  const leaving = startStories(t, here, {
    async at(step, direction) {
      if (step !== "charge" || direction !== "run") return;
      reached.resolve();
      await hung.promise;
    },
  });
  const id = uuidv7();
  const told = leaving.tell("succeeds", { id, scope: callScope("key") });
  await reached.promise;
  await leaving.sagas.stop(10);
  startStories(t, there);
  await eventually(async () => assert.deepEqual(await truthOf(there, id), GOOD_END));
  hung.resolve();
  t.deepEqual(await told, { paid: AMOUNT });
});

test("a saga goes on when its database was away", async (t) => {
  const url = await makeDatabase(t);
  const cable = await layCable(t, url);
  const db = openBench(t, cable.url);
  const id = uuidv7();
  const { tell } = startStories(t, db, {
    async observe({ step, phase }) {
      if (step === "pack" && phase === "before") await cable.cut();
    },
  });
  const error = await t.throwsAsync(tell("succeeds", { id, scope: callScope("key") }));
  t.true(isMeshRefusal(error, MeshReason.DEPENDENCY_UNAVAILABLE));
  const beside = openBench(t, url);
  startStories(t, beside);
  await eventually(async () => assert.deepEqual(await truthOf(beside, id), GOOD_END));
  t.pass();
});

test("what a saga keeps comes back as it was", (t) => {
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.bigInt(),
      fc.array(tie("any"), { maxLength: 4 }),
      fc.dictionary(
        fc.string({ minLength: 1 }).filter((name) => name !== "__proto__" && name !== "$bigint"),
        tie("any"),
        {
          maxKeys: 4,
          noNullPrototype: true,
        },
      ),
    ),
  })).any;
  fc.assert(
    fc.property(value, (it) => void t.deepEqual(decodeValue(JSON.parse(encodeValue(it))), it)),
    { seed: SEED },
  );
});
