import { create } from "@bufbuild/protobuf";
import test, { type ExecutionContext } from "ava";
import { sql } from "kysely";
import { pino } from "pino";
import { uuidv7 } from "uuidv7";
import { AddressSchema } from "#gen/souk/mesh/v1/address_pb.ts";
import { PromotionTermsSchema } from "#gen/souk/order/v1/promotion_pb.ts";
import { readSettings } from "#kit/config.ts";
import { openDatabase } from "#kit/data/database.ts";
import { migrate, migrateDown } from "#kit/data/migrate.ts";
import { createSignal } from "#kit/data/signal.ts";
import { rootScopes } from "#kit/rpc/root-scope.ts";
import type { Scope } from "#kit/scope.ts";
import { addItem, getCart } from "../../services/order/cart/cart.ts";
import { expireCarts } from "../../services/order/cart/expire-carts.ts";
import type { Market } from "../../services/order/cart/sale-variants.ts";
import type { Shopper } from "../../services/order/cart/shopper.ts";
import { prepareOrder, readOrderable } from "../../services/order/checkout/prepare-order.ts";
import { orderSettings } from "../../services/order/config.ts";
import { entities } from "../../services/order/entities.ts";
import { listOrdersOf } from "../../services/order/list-orders.ts";
import { migrations } from "../../services/order/migrations/index.ts";
import { listenForOrderChanges } from "../../services/order/order-changes.ts";
import { requireOwnOrder } from "../../services/order/own-order.ts";
import { partOfLine } from "../../services/order/pricing/part-of-line.ts";
import { add } from "../../services/order/pricing/rates.ts";
import { createPromotion } from "../../services/order/promotions/promotions.ts";
import { openShop, type Shop } from "../../services/order/shop.ts";
import { shippingItemOf, toItemTotals } from "../../services/order/stored-totals.ts";
import { watchOrder } from "../../services/order/watch-order.ts";
import { createMigratedDatabase } from "../migrated-database.ts";
import { createCatalogue } from "./order-product.ts";
import { ADDRESS } from "./order-shop.ts";

/** The use cases of order on a database of their own, with a catalogue in this process. */
async function openTill(t: ExecutionContext) {
  const { url } = await createMigratedDatabase(t, migrations);
  const log = pino({ level: "silent" });
  const db = openDatabase({ url, entities, migrations, poolSize: 4, applicationName: "order-test", log });
  t.teardown(() => db.close());
  const catalogue = createCatalogue();
  const product = {
    async batchGetVariants({ ids }: { ids: string[] }) {
      catalogue.asked++;
      return { variants: ids.flatMap((id) => catalogue.variants.get(id) ?? []) };
    },
  };
  const scope = rootScopes(log, () => product as never);
  const shop = openShop(db, readSettings(orderSettings, {}), scope);
  return { url, db, catalogue, shop, scope: () => scope({ timeoutMs: 30_000 }) };
}

/** How many statements are sent, BEGIN and COMMIT included, and how often product is asked. */
async function cost({ db, catalogue }: Awaited<ReturnType<typeof openTill>>, work: () => Promise<unknown>) {
  const before = [db.pool.statements(), catalogue.asked] as const;
  await work();
  return { statements: db.pool.statements() - before[0], asked: catalogue.asked - before[1] };
}

const EUR: Market = { currency: "EUR", groups: [] };

function shopperWith(customerId: string): Shopper {
  return { owner: { customerId }, cartToken: "", email: "ada@example.com", groups: [] };
}

async function pendingOrder(
  shop: Shop,
  scope: Scope,
  customerId: string,
  variantId: string,
  quantity = 1n,
): Promise<string> {
  const id = uuidv7();
  const shopper = shopperWith(customerId);
  await addItem(shop, scope, shopper, { variantId, quantity, note: id, currency: "" }, () => undefined);
  const known = await shop.readSaleVariants(scope, EUR, [variantId]);
  const checkout = {
    shopper,
    guestEmail: "",
    shippingAddress: create(AddressSchema, ADDRESS),
    shippingMethod: "standard",
    vatId: "",
    paying: { token: "tok_visa", returnUri: "", giftCards: [] },
  };
  const preparation = {
    id,
    state: await readOrderable(shop.db.sql, checkout),
    known,
    currency: "EUR",
    means: [],
    without: new Set<string>(),
    orderTokenHash: null,
  };
  await shop.db.write(scope, (tx) => prepareOrder(shop, tx, scope, checkout, preparation));
  return id;
}

test("adding costs one question to product and two statements, whatever is in the cart", async (t) => {
  const till = await openTill(t);
  const customerId = uuidv7();
  const add = (note: string) => {
    const item = { variantId: till.catalogue.offer(100n), quantity: 1n, note, currency: "" };
    return addItem(till.shop, till.scope(), shopperWith(customerId), item, () => undefined);
  };
  for (let count = 0; count < 5; count++) {
    t.deepEqual(await cost(till, () => add(`note ${count}`)), { statements: 2, asked: 1 });
  }
  t.deepEqual(await cost(till, () => getCart(till.shop, till.scope(), shopperWith(customerId))), {
    statements: 1,
    asked: 1,
  });
});

test("an order is prepared with one statement, and with a transaction where a promotion has a limit", async (t) => {
  const till = await openTill(t);
  const { shop } = till;
  const variantId = till.catalogue.offer(100n);
  // Two add to the cart, and one reads it.
  const prepare = async () =>
    (await cost(till, () => pendingOrder(shop, till.scope(), uuidv7(), variantId))).statements - 3;
  const promote = async (usageLimit: bigint) => {
    const effect = { case: "percentageOff", value: { ratePpm: 10_000 } } as const;
    const terms = create(PromotionTermsSchema, { displayName: "Less", usageLimit, effect });
    await createPromotion(till.shop, till.scope(), terms, () => undefined);
    // Terms are read once.
    await prepare();
  };
  t.is(await prepare(), 1);
  await promote(0n);
  t.is(await prepare(), 1);
  await promote(100n);
  t.is(await prepare(), 5);
});

test("carts that nobody changed for too long go, unless they are being ordered", async (t) => {
  const { shop, db, scope, catalogue } = await openTill(t);
  const variantId = catalogue.offer(100n);
  const [left, ordered, used] = [uuidv7(), uuidv7(), uuidv7()];
  const item = { variantId, quantity: 1n, note: "", currency: "" };
  await addItem(shop, scope(), shopperWith(left), item, () => undefined);
  await pendingOrder(shop, scope(), ordered, variantId);
  await addItem(shop, scope(), shopperWith(used), item, () => undefined);
  const later = sql`update cart set update_time = now() + interval '1 hour' where customer_id = ${used}`;
  await later.execute(db.sql);
  await expireCarts(db, scope(), 0);
  const carts = await db.sql.selectFrom("cart").select("customer_id").execute();
  t.deepEqual(carts.map((cart) => cart.customer_id).toSorted(), [ordered, used].toSorted());
});

test("those who ask product at once ask together, and each gets what holds after he asked", async (t) => {
  const till = await openTill(t);
  const ids = Array.from({ length: 300 }, () => till.catalogue.offer(100n));
  const asking = ids.map((id) => till.shop.readSaleVariants(till.scope(), EUR, [id]));
  const unknown = uuidv7();
  t.deepEqual(
    await till.shop.readSaleVariants(till.scope(), EUR, [unknown]),
    new Map([[unknown, undefined]]),
  );
  for (const [index, variants] of (await Promise.all(asking)).entries()) {
    t.deepEqual([...variants.keys()], [ids[index]]);
    t.is(variants.get(ids[index] ?? "")?.variant?.price?.minor, 100n);
  }
  t.is(till.catalogue.asked, 3);
});

test("reading costs two statements, whether one order or many, and however many lines", async (t) => {
  const till = await openTill(t);
  const customerId = uuidv7();
  const variantId = till.catalogue.offer(100n);
  const ids: string[] = [];
  for (let count = 0; count < 4; count++)
    ids.push(await pendingOrder(till.shop, till.scope(), customerId, variantId));
  t.is((await cost(till, () => requireOwnOrder(till.db.sql, ids[0] ?? "", { customerId }))).statements, 2);
  t.is((await cost(till, () => listOrdersOf(till.db.sql, customerId, 20))).statements, 2);
  const orders = await listOrdersOf(till.db.sql, customerId, 20);
  t.deepEqual(
    orders.map((order) => [order.id, order.state, order.lines.length]),
    ids.toReversed().map((id) => [id, "PENDING", 1]),
  );
});

test("what is stored of an order can be divided, and its parts are the whole to the cent", async (t) => {
  const till = await openTill(t);
  const customerId = uuidv7();
  const id = await pendingOrder(till.shop, till.scope(), customerId, till.catalogue.offer(333n), 7n);
  const order = await requireOwnOrder(till.db.sql, id, { customerId });
  const line = order.lines[0];
  if (line === undefined) throw new Error("the order has no line");
  const item = toItemTotals(line);
  const parts = [0n, 2n, 5n].map((from, index, all) =>
    partOfLine(item, 7n, { from, count: (all[index + 1] ?? 7n) - from }),
  );
  const taxes = parts.map((part) => add(part.taxes.map(({ amount }) => amount)));
  t.is(add(parts.map(({ total }) => total)), 2_331n);
  t.is(add(taxes), add(item.taxes.map(({ amount }) => amount)));
  const shipping = toItemTotals(shippingItemOf(order));
  t.is(shipping.total, 490n);
  t.is(item.total + shipping.total, order.total);
  t.is(add([...item.taxes, ...shipping.taxes].map(({ amount }) => amount)), order.tax_included);
});

test("a watcher who hangs up stops at once and is forgotten", async (t) => {
  const till = await openTill(t);
  const customerId = uuidv7();
  const id = await pendingOrder(till.shop, till.scope(), customerId, till.catalogue.offer(100n));
  const hangUp = new AbortController();
  let closed = 0;
  const changes = {
    watch: () => ({
      next: (_: number, signal: AbortSignal) =>
        new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true })),
      close: () => {
        closed++;
      },
    }),
    stop: async () => {},
  };
  const scope = Object.create(till.scope(), { signal: { value: hangUp.signal } });
  const watch = watchOrder(till.shop, changes, scope, { id, asker: { customerId }, etag: "" });
  t.is((await watch.next()).value?.id, id);
  const next = watch.next();
  hangUp.abort();
  t.true((await next).done);
  t.is(closed, 1);
});

test("what one process changes wakes those who wait in another", async (t) => {
  const { url } = await openTill(t);
  const log = pino({ level: "silent" });
  const bell = createSignal<string>();
  const here = listenForOrderChanges(url, bell, log);
  const there = listenForOrderChanges(url, createSignal(), log);
  t.teardown(() => Promise.all([here.stop(), there.stop()]));
  const ids = Array.from({ length: 250 }, () => uuidv7());
  const watches = ids.map((id) => there.watch(id));
  const all = () => Promise.all(watches.map((watch) => watch.next(60_000, new AbortController().signal)));
  // From then on they hear.
  await all();
  for (const id of ids) bell.raise(id);
  await all();
  t.pass();
});

test("the schema goes up, down and up again", async (t) => {
  const { url } = await openTill(t);
  await migrateDown(url, migrations, migrations[0]?.name ?? "");
  await migrate(url, migrations);
  t.deepEqual(await migrate(url, migrations), []);
});
