import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import { RetryInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import { Health, HealthCheckResponse_ServingStatus as ServingStatus } from "#gen/health/v1/health_pb.ts";
import { type Order, OrderState } from "#gen/souk/order/v1/order_pb.ts";
import { ProductService } from "#gen/souk/product/v1/product_pb.ts";
import { migrate } from "#kit/data/migrate.ts";
import { Code, detailOf, SoukError } from "#kit/error.ts";
import { createDatabase } from "../../deploy/local/stores/databases.ts";
import { inventory } from "../../services/inventory/service.ts";
import { order } from "../../services/order/service.ts";
import { eventually } from "../eventually.ts";
import { startNats } from "../stores.ts";
import { requireTool } from "../tools.ts";
import { openBooks } from "./books.ts";
import { insist } from "./insist.ts";
import { isOrderedOnce, openShop, type Shop, visit } from "./shop.ts";
import { startOwnPostgres, startOwnRedis } from "./stores.ts";

/** More than anybody can order in that time. */
const STOCK = 100_000;
/** For how long a store is away while orders go on, in ms. */
const AWAY_MS = 6_000;

test.serial("while NATS is away orders go on, and every customer is told when it is back", async (t) => {
  const nats = await startNats(t);
  const shop = await openShop(t, { env: { SOUK_NATS_URL: nats.url } });
  const books = await openBooks(t, shop);
  const [variantId = ""] = await shop.offer(STOCK);
  await nats.stop();
  const away = orderFor(AWAY_MS, shop, variantId);
  await eventually(async () => {
    const { ready, dependencies } = await shop.ready("order");
    assert.deepEqual([ready, dependencies["postgresql"], dependencies["nats"]], [true, true, false]);
  });
  const orders = await away;
  t.true(orders.every(({ state }) => state === OrderState.CONFIRMED));
  const [told] = await shop.ask("notification", "select count(*)::int as n from notification");
  t.deepEqual(told, { n: 0 });

  await nats.start();
  await eventually(async () => assert.equal((await shop.ready("order")).dependencies["nats"], true));
  t.deepEqual(await books.agree(variantId, STOCK), { confirmed: orders.length, cancelled: 0 });
});

for (const [how, goAway, comeBack] of [
  ["stopped", "stop", "start"],
  ["frozen", "freeze", "thaw"],
] as const) {
  test.serial(`while Redis is ${how} nothing fails, and every service stays ready`, async (t) => {
    const redis = requireTool(t, "Redis", await startOwnRedis(t));
    if (redis === undefined) return;
    const shop = await openShop(t, { env: { SOUK_REDIS_URL: redis.url, SOUK_REDIS_TIMEOUT_MS: "50" } });
    const [variantId = ""] = await shop.offer(STOCK);
    const products = () => shop.call(ProductService, { accessToken: "" });
    const categories = () => products().listCategories({});
    const before = await categories();
    await eventually(async () => assert.ok((await shop.ready("product")).dependencies["redis"]));

    await redis[goAway]();
    const away = orderFor(AWAY_MS / 3, shop, variantId);
    for (let at = 0; at < 20; at++) {
      t.deepEqual(await categories(), before);
      // What nobody has asked for before is looked for in Redis.
      t.deepEqual((await products().searchProducts({ query: `nothing ${at}` })).products, []);
    }
    await eventually(async () => {
      const { ready, dependencies } = await shop.ready("product");
      assert.deepEqual([ready, dependencies["redis"]], [true, false]);
    });
    await eventually(async () => assert.ok((await shop.ready("order")).ready));
    t.true((await away).every(({ state }) => state === OrderState.CONFIRMED));

    await redis[comeBack]();
    await eventually(async () => assert.equal((await shop.ready("product")).dependencies["redis"], true));
    t.deepEqual(await categories(), before);
  });
}

for (const { name, migrations } of [order, inventory]) {
  test.serial(
    `while the database of ${name} is away it is not ready, nothing is half done, and it recovers by itself`,
    async (t) => {
      const postgres = await startOwnPostgres(t);
      const database = await createDatabase(postgres.url, name);
      await migrate(database, migrations);
      const shop = await openShop(t, {
        env: {
          [`${name.toUpperCase()}_DATABASE_URL`]: database,
          SOUK_SAGA_LEASE_MS: "500",
          SOUK_BREAKER_RESET_MS: "500",
        },
      });
      const books = await openBooks(t, shop);
      const [variantId = ""] = await shop.offer(STOCK);
      const health = () => shop.call(Health, { accessToken: "" }, shop.addresses.get(name)).check({});
      t.is((await health()).status, ServingStatus.SERVING);

      const buyers = Array.from({ length: 10 }, () => ({
        ...visit(shop, shop.customer()),
        key: randomUUID(),
      }));
      const late = { ...visit(shop, shop.customer()), key: randomUUID() };
      await Promise.all([...buyers, late].map(({ add }) => add(variantId)));
      const first = Promise.allSettled(buyers.map(({ place, key }) => place(key)));
      await eventually(async () => {
        const [row] = await shop.ask<{ n: number }>("order", "select count(*)::int as n from orders");
        assert.notEqual(row?.n, 0);
      });
      await postgres.stop();
      await first;

      await eventually(async () => assert.equal((await health()).status, ServingStatus.NOT_SERVING));
      const { ready, dependencies } = await shop.ready(name);
      t.false(ready);
      t.false(dependencies["postgresql"]);
      await isToldToRetry(t, late.place(late.key));

      await postgres.start();
      await eventually(async () => assert.equal((await health()).status, ServingStatus.SERVING));
      t.is((await insist(() => late.place(late.key))).state, OrderState.CONFIRMED);
      await books.settled();
      // Who repeats the call learns that it was ordered; what had not begun, or was undone, is ordered now.
      for (const { place, key, orders } of buyers) {
        t.is((await insist(() => place(key))).state, OrderState.CONFIRMED);
        t.true(isOrderedOnce(await orders()));
      }
      t.is((await books.agree(variantId, STOCK)).confirmed, buyers.length + 1);
    },
  );
}

/** Orders one piece after the other, each for another customer, for a while. */
async function orderFor(ms: number, shop: Shop, variantId: string): Promise<Order[]> {
  const orders: Order[] = [];
  for (const end = Date.now() + ms; Date.now() < end; ) {
    const { add, place } = visit(shop, shop.customer());
    await add(variantId);
    const key = randomUUID();
    orders.push(await insist(() => place(key)));
  }
  return orders;
}

/** A call is refused for now, and its caller is told when to come again. */
async function isToldToRetry(t: ExecutionContext, call: Promise<unknown> | undefined): Promise<void> {
  const error = await t.throwsAsync(call as Promise<unknown>, { instanceOf: SoukError });
  if (error === undefined) return;
  t.is(error.code, Code.UNAVAILABLE, error.message);
  t.truthy(detailOf(error, RetryInfoSchema)?.retryDelay, error.message);
}
