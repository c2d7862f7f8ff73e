import assert from "node:assert/strict";
import test from "ava";
import { ReservationExpiredSchema } from "#gen/souk/inventory/v1/events_pb.ts";
import { OrderCancelledSchema, OrderConfirmedSchema } from "#gen/souk/order/v1/events_pb.ts";
import { on, type Subscription } from "#kit/events/subscription.ts";
import { eventually } from "../eventually.ts";
import { startNats, type Teardown, testStores } from "../stores.ts";
import { add, type BenchTransaction, callScope, makeDatabase, openBench, totalOf } from "./kit-bench.ts";
import { layCable } from "./kit-cable.ts";
import { consume, freshNamespace, openTestBus, outboxEmpty, relayFrom, tell } from "./kit-events-bench.ts";

/** Counts the events of each order. */
const counting = on(OrderConfirmedSchema, async ({ orderId }, tx: BenchTransaction) => {
  await add(tx, `effect ${orderId}`);
});

/** A relay and a consumer over a NATS server. */
async function openLine(t: Teardown, natsUrl: string, subscriptions: readonly Subscription[] = [counting]) {
  const url = await makeDatabase(t);
  const db = openBench(t, url);
  const namespace = freshNamespace();
  const bus = openTestBus(t, natsUrl, namespace);
  relayFrom(t, db, url, bus);
  const consumer = consume(t, db, bus, subscriptions);
  return {
    db,
    bus,
    stream: `${namespace}-order`,
    consumer,
    async tellOf(...orders: string[]) {
      for (const order of orders) await tell(db, order, "");
    },
    /** Waits until each order was told of once, and nothing is on its way. */
    async arrived(...orders: string[]) {
      await eventually(async () => {
        for (const order of orders) assert.equal(await totalOf(db, `effect ${order}`), 1n, order);
      });
      await outboxEmpty(db);
    },
  };
}

test("a consumer that an operator deleted is made anew, and no event takes effect twice", async (t) => {
  const { natsUrl } = await testStores();
  const { bus, stream, consumer, tellOf, arrived } = await openLine(t, natsUrl);
  await tellOf("a");
  await arrived("a");
  await bus.streams().manager.consumers.delete(stream, "bench");
  await tellOf("b", "c");
  await arrived("a", "b", "c");
  await eventually(async () => assert.deepEqual(await consumer.backlog(), [{ domain: "order", events: 0 }]));
  t.pass();
});

test("a stream that an operator deleted is made anew, and what is told of from then on arrives", async (t) => {
  const { natsUrl } = await testStores();
  const { bus, stream, consumer, tellOf, arrived } = await openLine(t, natsUrl);
  await tellOf("a");
  await arrived("a");
  t.deepEqual(await consumer.dead.list("0", 10), []);
  await bus.streams().manager.streams.delete(`${bus.namespace}-dead`);
  t.deepEqual(await consumer.dead.list("0", 10), []);
  await bus.streams().manager.streams.delete(stream);
  await tellOf("b", "c");
  await arrived("a", "b", "c");
  await bus.streams().manager.streams.delete(stream);
  await tellOf("d");
  await arrived("a", "b", "c", "d");
});

test("a NATS server that lost everything gets its streams back, and what the outbox holds", async (t) => {
  const nats = await startNats(t);
  const { tellOf, arrived } = await openLine(t, nats.url);
  await tellOf("a");
  await arrived("a");
  for (const round of ["first", "second"]) {
    await nats.lose();
    await tellOf(`b-${round}`, `c-${round}`);
    await nats.start();
    await tellOf(`d-${round}`);
    await arrived("a", `b-${round}`, `c-${round}`, `d-${round}`);
  }
  t.pass();
});

test("where NATS is away when a service starts, its events arrive once NATS is there", async (t) => {
  const nats = await startNats(t);
  await nats.stop();
  const { bus, tellOf, arrived } = await openLine(t, nats.url);
  const orders: string[] = [];
  // Longer than one attempt to connect may take.
  for (const until = performance.now() + 3_000; performance.now() < until; ) {
    orders.push(`order-${orders.length}`);
    await tellOf(orders.at(-1) as string);
  }
  t.true(bus.isAway());
  await nats.start();
  await arrived(...orders);
});

test("a connection to NATS that ends for good is followed by another one", async (t) => {
  const { natsUrl } = await testStores();
  const begun = Promise.withResolvers<void>();
  const open = Promise.withResolvers<void>();
  const slow = on(OrderConfirmedSchema, async ({ orderId }, tx: BenchTransaction) => {
    await add(tx, `effect ${orderId}`);
    begun.resolve();
    await open.promise;
  });
  const { bus, tellOf, arrived } = await openLine(t, natsUrl, [slow]);
  await tellOf("a");
  await begun.promise;
  await bus.streams().connection.close();
  await tellOf("b");
  // What is in hand meanwhile can only be answered over the connection that is gone.
  await eventually(() => bus.check());
  open.resolve();
  await arrived("a", "b");
  t.pass();
});

test("over a slow line every event arrives once", async (t) => {
  const nats = await startNats(t);
  const cable = await layCable(t, nats.url);
  const { tellOf, arrived } = await openLine(t, cable.url);
  await tellOf("a");
  await arrived("a");
  cable.slow(200);
  const orders = Array.from({ length: 30 }, (_, index) => `order-${index}`);
  await tellOf(...orders);
  await arrived("a", ...orders);
  // Nothing is heard of what is published now: it is published again, and dropped where it had arrived.
  cable.slow(6_000);
  for (const until = performance.now() + 6_500; performance.now() < until; ) {
    orders.push(`order-${orders.length}`);
    await tellOf(orders.at(-1) as string);
  }
  cable.slow(0);
  await arrived("a", ...orders);
  t.pass();
});

test("a release that heeds other events goes on where the one before was", async (t) => {
  const { natsUrl } = await testStores();
  const { db, bus, consumer, tellOf, arrived } = await openLine(t, natsUrl);
  await tellOf("a");
  await arrived("a");
  await consumer.stop();
  await db.write(callScope(), async (tx) => {
    tx.emit(OrderCancelledSchema, { orderId: "b" });
    tx.emit(ReservationExpiredSchema, { reservationId: "c" });
  });
  consume(t, db, bus, [
    counting,
    on(OrderCancelledSchema, async ({ orderId }, tx: BenchTransaction) => {
      await add(tx, `effect ${orderId}`);
    }),
    on(ReservationExpiredSchema, async ({ reservationId }, tx: BenchTransaction) => {
      await add(tx, `effect ${reservationId}`);
    }),
  ]);
  await arrived("a", "b", "c");
  t.pass();
});
