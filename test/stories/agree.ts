import assert from "node:assert/strict";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { NotificationService } from "#gen/souk/notification/v1/notification_pb.ts";
import { CartService } from "#gen/souk/order/v1/cart_pb.ts";
import { OrderService, type Order as ToldOrder } from "#gen/souk/order/v1/order_pb.ts";
import { PaymentService, PaymentState } from "#gen/souk/payment/v1/payment_pb.ts";
import { eventually } from "../eventually.ts";
import { outcomeOf } from "./command.ts";
import { expectCart, expectOrder } from "./expect.ts";
import type { Model, Order, Shopper } from "./model.ts";
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
  await agreeOnPayments(shop, orders);
  await agreeOnStock(model, shop, orders);
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
    if (order.id === "") order.id = id;
    assert.equal(id, order.id, "the order of the orders");
    expectOrder(told[index], model, order);
  }
}

const PAYMENT_STATES = {
  authorized: PaymentState.AUTHORIZED,
  declined: PaymentState.DECLINED,
  voided: PaymentState.VOIDED,
};

async function agreeOnPayments(shop: StoryShop, orders: readonly Order[]): Promise<void> {
  const ids = orders.map(({ id }) => id);
  const list = await shop.ask<{ key: string; amount: bigint; currency: string; status: string }>(
    "payment",
    `select idempotency_key as key, amount_minor as amount, currency, status
     from sandbox.charge where idempotency_key = any ($1)`,
    [ids],
  );
  const charged = orders.filter(({ charge }) => charge !== undefined);
  const byKey = (a: { key: string }, b: { key: string }) => (a.key < b.key ? -1 : 1);
  assert.deepEqual(
    list.map((charge) => ({ ...charge, amount: BigInt(charge.amount) })).sort(byKey),
    charged
      .map(({ id, bill, charge }) => ({ key: id, amount: bill.total, currency: "EUR", status: charge }))
      .sort(byKey),
    "the provider's list",
  );
  const payments = shop.call(PaymentService, { caller: "operator" });
  for (const { id, bill, charge } of charged) {
    const outcome = await outcomeOf(payments.getPayment({ id }));
    const payment = "answer" in outcome ? outcome.answer.payment : undefined;
    assert.deepEqual(
      [payment?.state, payment?.amount?.minor, payment?.amount?.currency],
      [charge && PAYMENT_STATES[charge], bill.total, "EUR"],
      `payment ${id}`,
    );
  }
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
  for (const { id, state } of orders) {
    // One that lacked stock may have left no reservation.
    const stored = states.get(id) ?? "RELEASED";
    assert.equal(stored, state === "CONFIRMED" ? "COMMITTED" : "RELEASED", `reservation ${id}`);
  }
  for (const { id, state } of model.holds) assert.equal(states.get(id), state, `reservation ${id}`);
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
