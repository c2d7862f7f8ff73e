import assert from "node:assert/strict";
import test from "ava";
import { ReservationExpiredSchema, StockRanLowSchema } from "#gen/souk/inventory/v1/events_pb.ts";
import { OrderCancelledSchema, OrderConfirmedSchema } from "#gen/souk/order/v1/events_pb.ts";
import { on, whileWanted } from "#kit/events/subscription.ts";
import { createWishes, type Wishes } from "#kit/events/wishes.ts";
import { eventually } from "../eventually.ts";
import { testStores } from "../stores.ts";
import { add, type BenchTransaction, callScope, makeDatabase, openBench, totalOf } from "./kit-bench.ts";
import { consume, freshNamespace, openTestBus, outboxEmpty, relayFrom } from "./kit-events-bench.ts";

const { typeName: STOCK_RAN_LOW } = StockRanLowSchema;
const { typeName: ORDER_CONFIRMED } = OrderConfirmedSchema;

test("what is wanted for a while is told of that while alone", async (t) => {
  const { db, bus, wishes, heard, tell } = await open(t);
  consume(t, db, bus, [
    whileWanted(StockRanLowSchema, wishes, async ({ variantId }) => void heard.push(variantId)),
    whileWanted(ReservationExpiredSchema, wishes, async () => void heard.push("never wanted")),
  ]);
  await tell("before it is known");
  await eventually(() => wishes.want(new Set()));
  await tell("while nothing is wanted");
  const consumers = async () => {
    const { manager } = bus.streams();
    return (await manager.consumers.list(`${bus.namespace}-inventory`).next()).length;
  };
  t.is(await consumers(), 0, "the stream has nobody to hand anything over");
  for (const text of ["first", "second"]) {
    await wishes.want(new Set([STOCK_RAN_LOW]));
    await tell(text);
    await eventually(() => assert.equal(heard.at(-1), text));
    await wishes.want(new Set());
    await tell(`after the ${text}`);
    t.is(await consumers(), 0);
  }
  t.deepEqual(heard, ["first", "second"]);
  t.is((await db.pool.run("select from mesh.inbox")).rowCount, 2);
});

test("a wish for more changes nothing of what is heeded always, and both take effect at once", async (t) => {
  const { db, bus, wishes, heard, confirm } = await open(t);
  let failures = 1;
  consume(t, db, bus, [
    on(OrderConfirmedSchema, async ({ orderId }, tx: BenchTransaction) => {
      await add(tx, `always ${orderId}`);
    }),
    whileWanted(OrderConfirmedSchema, wishes, async ({ orderId }, tx: BenchTransaction) => {
      if (orderId === "b" && failures-- > 0) throw new Error("not this time");
      await add(tx, `wanted ${orderId}`);
    }),
    whileWanted(OrderCancelledSchema, wishes, async ({ orderId }) => void heard.push(orderId)),
  ]);
  await eventually(() => wishes.want(new Set()));
  await confirm("a");
  await eventually(async () => assert.equal(await totalOf(db, "always a"), 1n));
  await wishes.want(new Set([ORDER_CONFIRMED]));
  await confirm("b");
  await eventually(async () => assert.equal(await totalOf(db, "wanted b"), 1n));
  t.is(await totalOf(db, "always b"), 1n, "what failed with it was undone with it");
  t.deepEqual(heard, []);
});

test("what one replica knows to be wanted is told, also by another that does not know it yet", async (t) => {
  const { db, bus, heard, cancel } = await open(t);
  const replica = (wishes: Wishes) =>
    consume(t, db, bus, [
      on(OrderConfirmedSchema, async () => {}),
      whileWanted(OrderCancelledSchema, wishes, async ({ orderId }, tx: BenchTransaction) => {
        await add(tx, orderId);
        heard.push(orderId);
      }),
    ]);
  const [informed, late] = [createWishes(), createWishes()];
  replica(informed);
  await eventually(() => informed.want(new Set([OrderCancelledSchema.typeName])));
  await late.want(new Set());
  replica(late);
  await eventually(async () => {
    const { num_waiting } = await bus.streams().manager.consumers.info(`${bus.namespace}-order`, "bench");
    assert.equal(num_waiting, 2, "both take events");
  });
  const ids = Array.from({ length: 40 }, (_, n) => `order-${n}`);
  for (const id of ids) await cancel(id);
  await eventually(() => assert.equal(heard.length, ids.length));
  t.deepEqual(heard.toSorted(), ids.toSorted());
});

test("wanting the same again mends a stream that an older release has set to what that knows", async (t) => {
  const { db, bus, wishes, heard, cancel } = await open(t);
  consume(t, db, bus, [
    on(OrderConfirmedSchema, async () => {}),
    whileWanted(OrderCancelledSchema, wishes, async ({ orderId }) => void heard.push(orderId)),
  ]);
  const types = new Set([OrderCancelledSchema.typeName]);
  await eventually(() => wishes.want(types));
  const { consumers } = bus.streams().manager;
  const stream = `${bus.namespace}-order`;
  const { filter_subjects: wanted = [] } = (await consumers.info(stream, "bench")).config;
  t.is(wanted.length, 2);
  await consumers.update(stream, "bench", { filter_subjects: wanted.slice(0, 1) });
  await wishes.want(types);
  await cancel("a");
  await eventually(() => assert.deepEqual(heard, ["a"]));
});

async function open(t: Parameters<typeof makeDatabase>[0]) {
  const { natsUrl } = await testStores();
  const url = await makeDatabase(t);
  const db = openBench(t, url);
  const bus = openTestBus(t, natsUrl, freshNamespace());
  relayFrom(t, db, url, bus);
  return {
    db,
    bus,
    wishes: createWishes(),
    heard: [] as string[],
    /** Tells something, which is in its stream afterwards. */
    async tell(variantId: string) {
      const id = variantId.replaceAll(" ", "-");
      await db.write(callScope(), async (tx) => tx.emit(StockRanLowSchema, { variantId: id }));
      await outboxEmpty(db);
    },
    async cancel(orderId: string) {
      await db.write(callScope(), async (tx) => tx.emit(OrderCancelledSchema, { orderId }));
    },
    async confirm(orderId: string) {
      await db.write(callScope(), async (tx) => tx.emit(OrderConfirmedSchema, { orderId }));
      await outboxEmpty(db);
    },
  };
}
