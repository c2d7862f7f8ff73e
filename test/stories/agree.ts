import assert from "node:assert/strict";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { NotificationService } from "#gen/souk/notification/v1/notification_pb.ts";
import { CartService } from "#gen/souk/order/v1/cart_pb.ts";
import { OrderService, type Order as ToldOrder } from "#gen/souk/order/v1/order_pb.ts";
import { PromotionService } from "#gen/souk/order/v1/promotion_pb.ts";
import { PaymentService } from "#gen/souk/payment/v1/payment_pb.ts";
import { eventually } from "../eventually.ts";
import { expectCart, expectOrder, expectPayment, know } from "./expect.ts";
import { type Model, type Order, type Shopper, usesOf } from "./model.ts";
import { booksOf, chargeOf, type Payment } from "./payment-model.ts";
import type { StoryShop } from "./shop.ts";

/**
 * Compares all that a story touched with the model: carts, orders to the cent, stock with its ledger and its
 * reservations, payments with the provider's own list, and what shoppers were told in the shop and by mail.
 *
 * @throws AssertionError where they differ
 */
export async function agree(model: Model, shop: StoryShop): Promise<void> {
  for (const shopper of model.shoppers) {
    await agreeOnOrders(model, shop, shopper);
    const { cart } = await shop.call(CartService, shopper.customer).getCart({});
    expectCart(cart, model, shopper);
  }
  const orders = model.shoppers.flatMap((shopper) => shopper.orders);
  await agreeOnPayments(shop, [...orders.flatMap(({ payment }) => payment ?? []), ...model.payments]);
  await agreeOnStock(model, shop, orders);
  await agreeOnCoupons(model, shop);
  for (const shopper of model.shoppers) await agreeOnWhatWasTold(shop, shopper);
}

async function agreeOnOrders(model: Model, shop: StoryShop, { customer, orders }: Shopper): Promise<void> {
  const told: ToldOrder[] = [];
  for (let pageToken = ""; ; ) {
    // Small pages, so that stories turn them.
    const page = await shop.call(OrderService, customer).listMyOrders({ pageSize: 3, pageToken });
    told.unshift(...page.orders.toReversed());
    pageToken = page.nextPageToken;
    if (pageToken === "") break;
  }
  assert.equal(told.length, orders.length, "how many orders there are");
  for (const [index, order] of orders.entries()) {
    const { id = "" } = told[index] ?? {};
    know(order, told[index]);
    assert.equal(id, order.id, "the order of the orders");
    expectOrder(told[index], model, order);
  }
}

/** The payments of orders and those without one, as the provider and the books know them. */
async function agreeOnPayments(shop: StoryShop, payments: readonly Payment[]): Promise<void> {
  const ids = payments.map(({ id }) => id);
  const list = await shop.ask<{ id: string }>(
    "payment",
    `select idempotency_key as id, amount_minor::text as amount, currency, status,
            captured_minor::text as captured, refunded_minor::text as refunded
     from sandbox.charge where idempotency_key = any ($1)`,
    [ids],
  );
  const expected = payments.map((payment) => ({
    id: payment.id,
    amount: String(payment.amount),
    currency: payment.currency,
    status: chargeOf(payment),
    captured: String(payment.captured),
    refunded: String(payment.refunded),
  }));
  const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1);
  assert.deepEqual(list.sort(byId), expected.sort(byId), "the provider's list");
  const desk = shop.call(PaymentService, { caller: "operator" });
  for (const payment of payments) expectPayment((await desk.getPayment({ id: payment.id })).payment, payment);

  const books = await shop.ask<{ account: string; minor: string }>(
    "payment",
    `select account || ' ' || currency as account, sum(minor)::text as minor from (
       select payment_id, debit_account as account, currency, amount_minor as minor from ledger_transfer
       union all select payment_id, credit_account, currency, -amount_minor from ledger_transfer
     ) as side where payment_id = any ($1) group by 1 having sum(minor) <> 0`,
    [ids],
  );
  assert.deepEqual(
    Object.fromEntries(books.map(({ account, minor }) => [account, BigInt(minor)])),
    booksOf(payments),
    "the books",
  );
}

async function agreeOnStock(model: Model, shop: StoryShop, orders: readonly Order[]): Promise<void> {
  const variantIds = model.goods.map(({ variantId }) => variantId);
  const stockroom = shop.call(InventoryService, { caller: "operator" });
  const { levels } = await stockroom.getStock({ variantIds });
  const expected = model.goods.map(({ variantId, available, reserved }) => ({
    variantId,
    available,
    reserved,
  }));
  assert.deepEqual(
    levels.map(({ variantId, available, reserved }) => ({ variantId, available, reserved })),
    expected,
    "the levels",
  );
  const ledger = await shop.ask<{ variant_id: string; available: string; reserved: string }>(
    "inventory",
    `select variant_id, sum(available_delta) as available, sum(reserved_delta) as reserved
     from stock_movement where variant_id = any ($1) group by variant_id`,
    [variantIds],
  );
  const sums = new Map(ledger.map((row) => [row.variant_id, [BigInt(row.available), BigInt(row.reserved)]]));
  for (const { variantId, available, reserved } of expected) {
    assert.deepEqual(sums.get(variantId), [available, reserved], `the ledger of ${variantId}`);
  }
  const reservations = await shop.ask<{ id: string; state: string }>(
    "inventory",
    "select id, state from reservation where id = any ($1)",
    [[...orders.map(({ id }) => id), ...model.holds.map(({ id }) => id)]],
  );
  const states = new Map(reservations.map(({ id, state }) => [id, state]));
  for (const { id, isCancelled } of orders) {
    // One that lacked stock may have left no reservation.
    const stored = states.get(id) ?? "RELEASED";
    assert.equal(stored, isCancelled ? "RELEASED" : "COMMITTED", `reservation ${id}`);
  }
  for (const { id, state } of model.holds) assert.equal(states.get(id), state, `reservation ${id}`);
}

/** Uses are counted where they are limited. */
async function agreeOnCoupons({ coupons, shoppers }: Model, shop: StoryShop): Promise<void> {
  const desk = shop.call(PromotionService, { caller: "operator" });
  for (const coupon of coupons.filter(({ limit, limitEach }) => limit + limitEach > 0)) {
    const { promotion } = await desk.getPromotion({ id: coupon.id });
    assert.equal(Number(promotion?.used), usesOf(shoppers, coupon), `uses of coupon ${coupon.code}`);
  }
}

/** Events are told some time after the answer; what is told twice then shows in the end of the run at the latest. */
async function agreeOnWhatWasTold(shop: StoryShop, { customer, told, mailsAlone }: Shopper): Promise<void> {
  const expected = told.map(({ topic, order }) => `${topic} ${order?.id ?? customer.id}`).sort();
  const own = shop.call(NotificationService, customer);
  await eventually(async () => {
    const { notifications } = await own.listMyNotifications({ pageSize: 100 });
    const topics = notifications.map(({ topic, subjectId }) => `${topic} ${subjectId}`);
    assert.deepEqual(topics.sort(), expected, "what was told");
    const mails = shop.mailsTo(customer.email);
    assert.equal(mails, told.length + mailsAlone, `how many mails came to ${customer.email}`);
  }, 20_000);
}
