import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { NotificationService } from "#gen/souk/notification/v1/notification_pb.ts";
import { CartService } from "#gen/souk/order/v1/cart_pb.ts";
import { OrderService, type Order as ToldOrder } from "#gen/souk/order/v1/order_pb.ts";
import { PromotionService } from "#gen/souk/order/v1/promotion_pb.ts";
import { eventually } from "../eventually.ts";
import { agreeOnMoney } from "./agree-on-money.ts";
import { usesOf } from "./cart-model.ts";
import { expectCart, expectOrder, know } from "./expect.ts";
import { goodsAt, type Model, type Order, type OrderLine, type Shopper } from "./model.ts";
import { openPieces } from "./order-model.ts";
import type { StoryShop } from "./shop.ts";
import { type Goods, levelOf } from "./warehouse.ts";

/**
 * Compares all that a story touched with the model: carts, orders to the cent, stock with its ledger and its
 * reservations, payments with the provider's own list, and what shoppers were told in the shop and by mail.
 *
 * @throws AssertionError where they differ
 */
export async function agree(model: Model, shop: StoryShop): Promise<void> {
  for (const shopper of model.shoppers) {
    await agreeOnOrders(model, shop, shopper);
    const { cartToken } = shopper;
    const { cart } = await shop.call(CartService, shopper.customer).getCart({ cartToken });
    expectCart(cart, model, shopper);
  }
  const orders = model.shoppers.flatMap((shopper) => shopper.orders);
  await agreeOnMoney(model, shop, orders);
  await agreeOnStock(model, shop, orders);
  await agreeOnPromotions(model, shop);
  for (const shopper of model.shoppers) await agreeOnWhatWasTold(shop, shopper);
}

async function agreeOnOrders(model: Model, shop: StoryShop, shopper: Shopper): Promise<void> {
  const { orders } = shopper;
  const told = await ordersOf(shop, shopper);
  assert.equal(told.length, orders.length, "how many orders there are");
  for (const [index, order] of orders.entries()) {
    const { id = "" } = told[index] ?? {};
    know(order, told[index]);
    assert.equal(id, order.id, "the order of the orders");
    expectOrder(told[index], model, order);
  }
  await agreeOnWaiting(model, shop, shopper, told);
}

/** Order is told some time after the answer that goods came. */
async function agreeOnWaiting(model: Model, shop: StoryShop, shopper: Shopper, told: readonly ToldOrder[]) {
  const expected = shopper.orders.map((order) => order.lines.map((line) => waits(model, order, line)));
  let latest = told;
  await eventually(async () => {
    const waiting = latest.map(({ lines }) => lines.map(({ backOrder }) => backOrder));
    if (!isDeepStrictEqual(waiting, expected)) latest = await ordersOf(shop, shopper);
    assert.deepEqual(waiting, expected, "which lines wait for stock");
  });
}

function waits(model: Model, { isCancelled, reservation }: Order, line: OrderLine): boolean {
  const goods = goodsAt(model, line.goods);
  const isShort = reservation.shares.some((share) => share.goods === goods && share.shelf === undefined);
  return !isCancelled && isShort && openPieces(line) > 0n;
}

/** All orders of somebody as they are told, the oldest first; those of a guest only staff can list. */
async function ordersOf(shop: StoryShop, { customer, isGuest }: Shopper): Promise<ToldOrder[]> {
  const told: ToldOrder[] = [];
  const own = shop.call(OrderService, isGuest ? { caller: "operator" } : customer);
  for (let pageToken = ""; ; ) {
    // Small pages, so that stories turn them.
    const page = { pageSize: 3, pageToken };
    const { orders, nextPageToken } = isGuest
      ? await own.listOrders({ ...page, query: customer.email })
      : await own.listMyOrders(page);
    told.unshift(...orders.toReversed());
    if (nextPageToken === "") return told;
    pageToken = nextPageToken;
  }
}

async function agreeOnStock(model: Model, shop: StoryShop, orders: readonly Order[]): Promise<void> {
  const variantIds = model.goods.map(({ variantId }) => variantId);
  const stockroom = shop.call(InventoryService, { caller: "operator" });
  const { levels } = await stockroom.getStock({ variantIds });
  assert.deepEqual(
    levels.map(({ variantId, available, reserved, backOrdered, inTransit, locations }) => ({
      variantId,
      level: { available, reserved, backOrdered },
      inTransit,
      shelves: locations.map((it) => [it.locationId, it.available, it.reserved, it.incoming]).filter(isUsed),
    })),
    model.goods.map((goods) => ({
      variantId: goods.variantId,
      level: levelOf(goods),
      inTransit: onTheWay(model, goods),
      shelves: goods.shelves
        .map(({ place, available, reserved }, index) => {
          return [place.id, available, reserved, onTheWay(model, goods, index)] as const;
        })
        .filter(isUsed)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    })),
    "the levels",
  );
  const ledger = await shop.ask<{ place: string; available: string; reserved: string }>(
    "inventory",
    `select variant_id || ' ' || location_id as place, sum(available_delta) as available,
            sum(reserved_delta) as reserved
     from stock_movement where variant_id = any ($1) group by variant_id, location_id`,
    [variantIds],
  );
  const sums = new Map(ledger.map((row) => [row.place, [BigInt(row.available), BigInt(row.reserved)]]));
  for (const { variantId, shelves } of model.goods) {
    for (const { place, available, reserved } of shelves) {
      const sum = sums.get(`${variantId} ${place.id}`) ?? [0n, 0n];
      assert.deepEqual(sum, [available, reserved], `the ledger of ${variantId} at ${place.id}`);
    }
  }
  await agreeOnReservations(model, shop, orders);
}

function isUsed([, ...numbers]: readonly unknown[]): boolean {
  return numbers.some((number) => number !== 0n);
}

/** How many of some goods are on the way, to one of the places where that is named. */
function onTheWay({ transfers }: Model, goods: Goods, to?: number): bigint {
  return transfers
    .filter((it) => it.goods === goods && it.state === "IN_TRANSIT" && (to ?? it.to) === it.to)
    .reduce((sum, { quantity }) => sum + quantity, 0n);
}

async function agreeOnReservations({ holds }: Model, shop: StoryShop, orders: readonly Order[]) {
  const reservations = await shop.ask<{ id: string; state: string }>(
    "inventory",
    "select id, state from reservation where id = any ($1)",
    [[...orders, ...holds].map(({ id }) => id)],
  );
  const states = new Map(reservations.map(({ id, state }) => [id, state]));
  for (const { id, isCancelled } of orders) {
    // One that lacked stock may have left no reservation.
    const stored = states.get(id) ?? "RELEASED";
    assert.equal(stored, isCancelled ? "RELEASED" : "COMMITTED", `reservation ${id}`);
  }
  for (const { id, state } of holds) assert.equal(states.get(id), state, `reservation ${id}`);
}

/** Uses are counted where they are limited. */
async function agreeOnPromotions({ promotions, shoppers }: Model, shop: StoryShop): Promise<void> {
  const desk = shop.call(PromotionService, { caller: "operator" });
  for (const it of promotions.filter(({ limit, limitEach }) => limit + limitEach > 0)) {
    const { promotion } = await desk.getPromotion({ id: it.id });
    assert.equal(Number(promotion?.used), usesOf(shoppers, it), `uses of promotion ${it.id} ${it.code}`);
  }
}

/** Events are told some time after the answer; what is told twice then shows in the end of the run at the latest. */
async function agreeOnWhatWasTold(
  shop: StoryShop,
  { customer, isGuest, told, mailsAlone }: Shopper,
): Promise<void> {
  const expected = told.length + mailsAlone;
  // The mail leaves after what the shop shows is stored, and to count mails costs nothing.
  await eventually(() => {
    const mails = shop.mailsTo(customer.email);
    if (mails !== expected) throw new Error(`${mails} mails came to ${customer.email}, not ${expected}`);
  });
  if (isGuest) return;
  const own = shop.call(NotificationService, customer);
  const topics: string[] = [];
  for (let pageToken = ""; ; ) {
    const page = await own.listMyNotifications({ pageSize: 100, pageToken });
    topics.push(...page.notifications.map(({ topic, subjectId }) => `${topic} ${subjectId}`));
    pageToken = page.nextPageToken;
    if (pageToken === "") break;
  }
  assert.deepEqual(
    topics.sort(),
    told.map(({ topic, order }) => `${topic} ${order?.id ?? customer.id}`).sort(),
    "what was told",
  );
}
