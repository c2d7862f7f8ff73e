import assert from "node:assert/strict";
import test from "ava";
import { OrderConfirmedSchema } from "#gen/souk/order/v1/events_pb.ts";
import { isMeshRefusal, MeshReason } from "#kit/error.ts";
import { on, UnfitEvent } from "#kit/events/subscription.ts";
import { eventually } from "../eventually.ts";
import { type Teardown, testStores } from "../stores.ts";
import { add, type BenchTransaction, callScope, makeDatabase, openBench, totalOf } from "./kit-bench.ts";
import { consume, freshNamespace, openTestBus, relayFrom } from "./kit-events-bench.ts";

/** Events of orders, each with a text, and a handler that remembers what took effect. */
async function openOrders(t: Teardown) {
  const { natsUrl } = await testStores();
  const url = await makeDatabase(t);
  const db = openBench(t, url);
  const bus = openTestBus(t, natsUrl, freshNamespace());
  relayFrom(t, db, url, bus);
  const attempts: string[] = [];
  let fail: (text: string) => Error | undefined = () => undefined;
  const heed = on(OrderConfirmedSchema, async ({ orderId, customerId: text }, tx: BenchTransaction) => {
    attempts.push(text);
    const failure = fail(text);
    if (failure !== undefined) throw failure;
    await tx.sql.insertInto("note").values({ text }).execute();
    await add(tx, `effect ${orderId}`);
  });
  return {
    db,
    attempts,
    /** What handling an event fails with from now on. */
    failWith: (failure: typeof fail) => {
      fail = failure;
    },
    consume: (retryDelaysMs?: readonly number[]) => consume(t, db, bus, [heed], retryDelaysMs),
    tell: (...texts: string[]) =>
      db.write(callScope(), async (tx) => {
        for (const text of texts)
          tx.emit(OrderConfirmedSchema, { orderId: text.split("-")[0] ?? "", customerId: text });
      }),
    /** What took effect of an order, in that order. */
    async effects(order: string) {
      const notes = await db.sql
        .selectFrom("note")
        .select("text")
        .where("text", "like", `${order}-%`)
        .orderBy("seq")
        .execute();
      return notes.map(({ text }) => text.slice(order.length + 1));
    },
  };
}

test("while an event is tried again those of its aggregate wait for it, and those of others go on", async (t) => {
  const orders = await openOrders(t);
  const { effects, attempts } = orders;
  orders.failWith((text) => (text === "a-2" ? new Error("not yet") : undefined));
  orders.consume(Array(1_000).fill(20));
  await orders.tell("a-1", "a-2", "b-1", "a-3", "c-1", "b-2", "a-4");
  await orders.tell("a-5", "d-1", "b-3");
  await eventually(async () => {
    assert.deepEqual(await effects("b"), ["1", "2", "3"]);
    assert.deepEqual([await effects("c"), await effects("d")], [["1"], ["1"]]);
    assert.ok(attempts.filter((text) => text === "a-2").length > 3);
  });
  t.deepEqual(await effects("a"), ["1"]);
  orders.failWith(() => undefined);
  await eventually(async () => assert.deepEqual(await effects("a"), ["1", "2", "3", "4", "5"]));
});

test("a consumer that stops leaves what waits to be tried again to the next one at once", async (t) => {
  const orders = await openOrders(t);
  orders.failWith((text) => (text.startsWith("a") ? new Error("not here") : undefined));
  const leaving = orders.consume([60_000]);
  await orders.tell("a-1", "a-2", "a-3", "b-1");
  await eventually(async () => assert.deepEqual(await orders.effects("b"), ["1"]));
  await leaving.stop();
  orders.failWith(() => undefined);
  orders.consume();
  await eventually(async () => assert.deepEqual((await orders.effects("a")).toSorted(), ["1", "2", "3"]));
  t.deepEqual(await leaving.dead.list("0", 10), []);
});

test("an event that can never be handled is given up at once, and those behind it go on", async (t) => {
  const orders = await openOrders(t);
  orders.failWith((text) => (text === "a-2" ? new UnfitEvent("it lacks the order") : undefined));
  const { dead } = orders.consume([60_000]);
  await orders.tell("a-1", "a-2", "a-3");
  await eventually(async () => assert.deepEqual(await orders.effects("a"), ["1", "3"]));
  const [letter] = await dead.list("0", 10);
  t.like(letter, { error: "UnfitEvent: it lacks the order", attempts: 1 });
  // Once with those that came with it, once by itself.
  t.true(orders.attempts.filter((text) => text === "a-2").length <= 2);
});

test("a dead letter that fails again stays listed with its new error; replayed by many at once it takes effect once", async (t) => {
  const orders = await openOrders(t);
  orders.failWith((text) => (text === "a-1" ? new RangeError("indigestible") : undefined));
  const { dead } = orders.consume([1]);
  await orders.tell("a-1", "b-1", "a-2");
  const [letter] = await eventually(async () => {
    const letters = await dead.list("0", 10);
    assert.equal(letters.length, 1);
    return letters;
  });
  const { id = "" } = letter ?? {};
  t.like(letter, { id, eventId: id, error: "RangeError: indigestible", attempts: 2 });
  t.is(await dead.count(), 1);
  await eventually(async () =>
    assert.deepEqual([await orders.effects("a"), await orders.effects("b")], [["2"], ["1"]]),
  );

  orders.failWith(() => new TypeError("no better"));
  const error = await t.throwsAsync(dead.replay(id));
  t.true(isMeshRefusal(error, MeshReason.EVENT_NOT_HANDLED), error?.message);
  t.regex(error?.message ?? "", /no better/);
  const [again, ...others] = await dead.list("0", 10);
  t.like(again, { id, subject: letter?.subject, error: "TypeError: no better", attempts: 3 });
  t.is(others.length, 0);

  orders.failWith(() => undefined);
  const outcomes = await Promise.allSettled(Array.from({ length: 6 }, () => dead.replay(id)));
  t.true(outcomes.some(({ status }) => status === "fulfilled"));
  for (const outcome of outcomes) {
    if (outcome.status === "rejected")
      t.true(isMeshRefusal(outcome.reason, MeshReason.NOT_FOUND), String(outcome.reason));
  }
  t.deepEqual(await orders.effects("a"), ["2", "1"]);
  t.is(await totalOf(orders.db, "effect a"), 2n);
  t.deepEqual(await dead.list("0", 10), []);
  t.is(await dead.count(), 0);
  t.true(isMeshRefusal(await t.throwsAsync(dead.replay(id)), MeshReason.NOT_FOUND));
});
