import assert from "node:assert/strict";
import { headers } from "@nats-io/transport-node";
import test from "ava";
import { pino } from "pino";
import { ReservationExpiredSchema } from "#gen/souk/inventory/v1/events_pb.ts";
import { OrderConfirmedSchema } from "#gen/souk/order/v1/events_pb.ts";
import { isMeshRefusal, MeshReason } from "#kit/error.ts";
import { on } from "#kit/events/subscription.ts";
import { eventually } from "../eventually.ts";
import { startNats, testStores } from "../stores.ts";
import {
  add,
  type BenchTransaction,
  callScope,
  makeDatabase,
  openBench,
  openBenchFor,
  totalOf,
} from "./kit-bench.ts";
import { layCable } from "./kit-cable.ts";
import {
  consume,
  freshNamespace,
  openTestBus,
  outboxEmpty,
  relayFrom,
  runVictim,
  tell,
} from "./kit-events-bench.ts";

/** Counts the events of each order. */
const counting = on(OrderConfirmedSchema, async ({ orderId }, tx: BenchTransaction) => {
  await add(tx, `effect ${orderId}`);
});

test("events of one aggregate take effect in their order, whoever else tells of something", async (t) => {
  const { natsUrl } = await testStores();
  const url = await makeDatabase(t);
  const db = openBench(t, url);
  const bus = openTestBus(t, natsUrl, freshNamespace());
  const seen = new Map<string, string[]>();
  relayFrom(t, db, url, bus);
  consume(t, db, bus, [
    on(OrderConfirmedSchema, async ({ orderId, customerId }) => {
      const ofOne = seen.get(orderId) ?? [];
      ofOne.push(customerId);
      seen.set(orderId, ofOne);
    }),
  ]);
  const expected = Array.from({ length: 40 }, (_, index) => String(index));
  await Promise.all(
    Array.from({ length: 10 }, async (_, order) => {
      for (const text of expected) await tell(db, `order-${order}`, text);
    }),
  );
  await eventually(() => assert.equal([...seen.values()].flat().length, 10 * expected.length));
  for (const ofOne of seen.values()) t.deepEqual(ofOne, expected);
});

test("events of every domain find their stream", async (t) => {
  const { natsUrl } = await testStores();
  const url = await makeDatabase(t);
  const db = openBench(t, url);
  const bus = openTestBus(t, natsUrl, freshNamespace());
  const heard: string[] = [];
  consume(t, db, bus, [
    on(OrderConfirmedSchema, async () => void heard.push("order")),
    on(ReservationExpiredSchema, async () => void heard.push("inventory")),
  ]);
  relayFrom(t, db, url, bus);
  await db.write(callScope(), async (tx) => {
    tx.emit(OrderConfirmedSchema, { orderId: "a" });
    tx.emit(ReservationExpiredSchema, { reservationId: "a" });
  });
  await eventually(() => assert.deepEqual(heard.toSorted(), ["inventory", "order"]));
  await eventually(async () => assert.equal((await db.pool.run("select from mesh.inbox")).rowCount, 2));
  t.is(heard.length, 2);
});

test("an event that is delivered again has no further effect", async (t) => {
  const { natsUrl } = await testStores();
  const url = await makeDatabase(t);
  const db = openBench(t, url);
  const namespace = freshNamespace();
  const bus = openTestBus(t, natsUrl, namespace);
  relayFrom(t, db, url, bus);
  const first = consume(t, db, bus, [counting]);
  await tell(db, "again", "");
  await eventually(async () => assert.equal(await totalOf(db, "effect again"), 1n));
  await first.stop();
  // The server forgets how far the consumer was, so that it gets everything anew.
  await bus.streams().manager.consumers.delete(`${namespace}-order`, "bench");
  await tell(db, "later", "");
  consume(t, db, bus, [counting]);
  await eventually(async () => assert.equal(await totalOf(db, "effect later"), 1n));
  t.is(await totalOf(db, "effect again"), 1n);
});

test("when a relay is killed between publishing and forgetting, another one takes over and nothing is doubled", async (t) => {
  const { natsUrl } = await testStores();
  const url = await makeDatabase(t);
  const db = openBench(t, url);
  const namespace = freshNamespace();
  const bus = openTestBus(t, natsUrl, namespace);
  await tell(db, "a", "");
  t.is(await runVictim(t, { as: "relay", url, natsUrl, namespace }), "SIGKILL");
  t.is((await db.pool.run("select from mesh.outbox")).rowCount, 1);
  consume(t, db, bus, [counting]);
  relayFrom(t, db, url, bus);
  await outboxEmpty(db);
  await tell(db, "b", "");
  await eventually(async () => assert.equal(await totalOf(db, "effect b"), 1n));
  t.is(await totalOf(db, "effect a"), 1n);
  t.is((await bus.streams().manager.streams.info(`${namespace}-order`)).state.messages, 2);
});

test("when a consumer is killed between the effect and its answer, the effect stays the only one", async (t) => {
  const { natsUrl } = await testStores();
  const url = await makeDatabase(t);
  const db = openBench(t, url);
  const namespace = freshNamespace();
  const bus = openTestBus(t, natsUrl, namespace);
  relayFrom(t, db, url, bus);
  await tell(db, "a", "");
  t.is(await runVictim(t, { as: "consumer", url, natsUrl, namespace }), "SIGKILL");
  t.is(await totalOf(db, "effect a"), 1n);
  consume(t, db, bus, [counting]);
  await eventually(async () => {
    const { num_ack_pending } = await bus.streams().manager.consumers.info(`${namespace}-order`, "bench");
    assert.equal(num_ack_pending, 0);
  });
  t.is(await totalOf(db, "effect a"), 1n);
});

test("while NATS is away writes go on, and when it is back all their events take effect once", async (t) => {
  const nats = await startNats(t);
  const url = await makeDatabase(t);
  const db = openBench(t, url);
  const bus = openTestBus(t, nats.url, freshNamespace());
  relayFrom(t, db, url, bus);
  consume(t, db, bus, [counting]);
  await tell(db, "0", "");
  await eventually(async () => assert.equal(await totalOf(db, "effect 0"), 1n));
  await nats.stop();
  await eventually(() => assert.throws(() => bus.streams()));
  await t.throwsAsync(bus.check());
  const told = new Map([["0", 1n]]);
  const until = performance.now() + 6_000;
  for (let n = 0; performance.now() < until; n++) {
    const order = String(n % 10);
    await tell(db, order, "");
    told.set(order, (told.get(order) ?? 0n) + 1n);
  }
  await nats.start();
  await outboxEmpty(db);
  await eventually(async () => {
    for (const [order, total] of told) assert.equal(await totalOf(db, `effect ${order}`), total);
  });
  const all = [...told.values()].reduce((sum, total) => sum + total);
  t.is(BigInt((await db.pool.run("select from mesh.inbox")).rowCount), all);
});

test("where NATS never was, a service starts, writes and stops, and leaves it to the bus to say so", async (t) => {
  const url = await makeDatabase(t);
  const db = openBench(t, url);
  const cable = await layCable(t, "nats://127.0.0.1:1");
  const bus = openTestBus(t, cable.url, freshNamespace());
  const relay = relayFrom(t, db, url, bus);
  const warnings: string[] = [];
  const log = pino({ level: "warn" }, { write: (line) => warnings.push(line) });
  const consumer = consume(t, db, bus, [counting], [], log);
  await tell(db, "a", "");
  t.true(isMeshRefusal(await t.throwsAsync(consumer.dead.list("0", 10)), MeshReason.DEPENDENCY_UNAVAILABLE));
  await Promise.all([consumer.stop(), relay.stop(), bus.close()]);
  t.is((await db.pool.run("select from mesh.outbox")).rowCount, 1);
  t.deepEqual(warnings, []);
});

test("an event that cannot be handled ends among the dead letters with its error, and those beside it take effect", async (t) => {
  const { natsUrl } = await testStores();
  const url = await makeDatabase(t);
  const db = openBench(t, url);
  const namespace = freshNamespace();
  const bus = openTestBus(t, natsUrl, namespace);
  let poisonous = true;
  relayFrom(t, db, url, bus);
  const { dead } = consume(t, db, bus, [
    on(OrderConfirmedSchema, async ({ orderId, customerId }, tx: BenchTransaction) => {
      await add(tx, `effect ${orderId}`);
      if (customerId === "poison" && poisonous) throw new RangeError("indigestible");
    }),
  ]);
  await db.write(callScope(), async (tx) => {
    for (let order = 0; order < 30; order++) {
      tx.emit(OrderConfirmedSchema, { orderId: String(order % 3), customerId: order === 7 ? "poison" : "" });
    }
  });
  const [letter, ...others] = await eventually(async () => {
    const letters = await dead.list("0", 10);
    assert.equal(letters.length, 1);
    return letters;
  });
  t.is(others.length, 0);
  t.like(letter, {
    error: "RangeError: indigestible",
    attempts: 3,
    subject: `${namespace}.order.v1.OrderConfirmed.1`,
  });
  await eventually(async () => {
    assert.deepEqual(await Promise.all(["0", "1", "2"].map((it) => totalOf(db, `effect ${it}`))), [
      10n,
      9n,
      10n,
    ]);
  });

  poisonous = false;
  await dead.replay(letter?.id ?? "");
  t.is(await totalOf(db, "effect 1"), 10n);
  t.deepEqual(await dead.list("0", 10), []);
});

test("what is no event is given up at once", async (t) => {
  const { natsUrl } = await testStores();
  const url = await makeDatabase(t);
  const db = openBench(t, url);
  const namespace = freshNamespace();
  const bus = openTestBus(t, natsUrl, namespace);
  const { dead } = consume(t, db, bus, [counting], [60_000]);
  await eventually(() => bus.withStream("order", async () => {}));
  const { client } = bus.streams();
  const foreign = headers();
  foreign.set("souk-type", "souk.order.v1.Unheard");
  foreign.set("souk-time", new Date().toISOString());
  const unknown = { msgID: "00000000-0000-7000-8000-000000000001", headers: foreign };
  await client.publish(`${namespace}.order.v1.OrderConfirmed.a`, "who are you", {});
  await client.publish(`${namespace}.order.v1.OrderConfirmed.b`, "", unknown);
  await tell(db, "behind", "");
  relayFrom(t, db, url, bus);
  await eventually(async () => assert.equal(await totalOf(db, "effect behind"), 1n));
  const letters = await eventually(async () => {
    const found = await dead.list("0", 10);
    assert.equal(found.length, 2);
    return found;
  });
  t.regex(letters[0]?.error ?? "", /no event id/);
  t.regex(letters[1]?.error ?? "", /nothing here heeds souk.order.v1.Unheard/);
  t.like(letters[1], { attempts: 1, eventId: unknown.msgID });
  t.deepEqual(
    await dead.list(letters[0]?.position ?? "", 1),
    letters.slice(1),
    "pages go on where they ended",
  );
});

test("that the database is away costs an event no attempt", async (t) => {
  const { natsUrl } = await testStores();
  const url = await makeDatabase(t);
  const db = openBench(t, url);
  const cable = await layCable(t, url);
  const behindCable = openBenchFor(cable.url);
  const bus = openTestBus(t, natsUrl, freshNamespace());
  relayFrom(t, db, url, bus);
  const { dead, stop } = consume(t, behindCable, bus, [counting], [1]);
  await tell(db, "before", "");
  await eventually(async () => assert.equal(await totalOf(db, "effect before"), 1n));
  await cable.cut();
  for (let order = 0; order < 20; order++) await tell(db, `during-${order}`, "");
  await outboxEmpty(db);
  await t.throwsAsync(behindCable.check());
  await cable.mend();
  await eventually(async () => {
    for (let order = 0; order < 20; order++) assert.equal(await totalOf(db, `effect during-${order}`), 1n);
  });
  t.deepEqual(await dead.list("0", 10), []);
  await stop();
  await behindCable.close();
});

test("when a relay loses its database it goes on as soon as that is back", async (t) => {
  const { natsUrl } = await testStores();
  const url = await makeDatabase(t);
  const db = openBench(t, url);
  const cable = await layCable(t, url);
  const bus = openTestBus(t, natsUrl, freshNamespace());
  relayFrom(t, db, cable.url, bus);
  await tell(db, "a", "");
  await outboxEmpty(db);
  await cable.cut();
  await tell(db, "a", "");
  await cable.mend();
  await outboxEmpty(db);
  t.pass();
});

test("of relays on one database one works, and another one when it stops", async (t) => {
  const { natsUrl } = await testStores();
  const url = await makeDatabase(t);
  const [here, there] = [openBench(t, url), openBench(t, url)];
  const bus = openTestBus(t, natsUrl, freshNamespace());
  const first = relayFrom(t, here, url, bus);
  await tell(here, "a", "");
  await outboxEmpty(here);
  relayFrom(t, there, url, bus);
  // Told by the replica whose relay does not work.
  await tell(there, "a", "");
  await outboxEmpty(here);
  await first.stop();
  await tell(here, "a", "");
  await outboxEmpty(here);
  t.pass();
});

test("a consumer that stops finishes what it has begun, and leaves the rest to the next", async (t) => {
  const { natsUrl } = await testStores();
  const url = await makeDatabase(t);
  const db = openBench(t, url);
  const bus = openTestBus(t, natsUrl, freshNamespace());
  relayFrom(t, db, url, bus);
  const begun = Promise.withResolvers<void>();
  const open = Promise.withResolvers<void>();
  const slow = on(OrderConfirmedSchema, async ({ orderId }, tx: BenchTransaction) => {
    await add(tx, `effect ${orderId}`);
    begun.resolve();
    await open.promise;
  });
  const leaving = consume(t, db, bus, [slow]);
  for (let order = 0; order < 40; order++) await tell(db, String(order), "");
  await begun.promise;
  await eventually(async () => assert.deepEqual(await leaving.backlog(), [{ domain: "order", events: 40 }]));
  const stopped = leaving.stop();
  open.resolve();
  await stopped;
  t.true((await db.pool.run("select from mesh.inbox")).rowCount >= 1);
  consume(t, db, bus, [counting]);
  await eventually(async () => assert.equal((await db.pool.run("select from mesh.inbox")).rowCount, 40));
  for (let order = 0; order < 40; order++) t.is(await totalOf(db, `effect ${order}`), 1n);
});
