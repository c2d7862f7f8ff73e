import { fromBinary } from "@bufbuild/protobuf";
import { connect } from "@nats-io/transport-node";
import test from "ava";
import pg from "pg";
import { uuidv7 } from "uuidv7";
import { OrderCancelledSchema } from "#gen/souk/order/v1/events_pb.ts";
import { type Order, OrderState } from "#gen/souk/order/v1/order_pb.ts";
import { PaymentService, PaymentState } from "#gen/souk/payment/v1/payment_pb.ts";
import { Code } from "#kit/error.ts";
import { newOrderNumber } from "../../services/order/checkout/order-number.ts";
import {
  hasEnded,
  mayMove,
  ORDER_STATES,
  type OrderState as State,
} from "../../services/order/order-state.ts";
import { eventually } from "../eventually.ts";
import { type Customer, refusal, shopOf } from "./order-shop.ts";

const shop = shopOf(test);

async function placed(customer: Customer, stock = 10): Promise<{ order: Order; lamp: string }> {
  const lamp = await shop().offer(2_500n, stock);
  await customer.add(lamp, 2n);
  return { order: await customer.place(), lamp };
}

test.serial("an order goes only where the table of states lets it", (t) => {
  t.true(mayMove("PENDING", "CONFIRMED"));
  t.false(mayMove("PENDING", "CANCELLING"));
  t.false(mayMove("CANCELLED", "CONFIRMED"));
  const states = Object.keys(ORDER_STATES) as State[];
  for (const state of states) t.false(mayMove(state, state));
  t.deepEqual(states.filter(hasEnded), ["CANCELLED", "RETURNED"]);
});

test.serial("numbers of orders are short and do not repeat", (t) => {
  const numbers = Array.from({ length: 10_000 }, newOrderNumber);
  t.is(new Set(numbers).size, numbers.length);
  t.true(numbers.every((number) => /^[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$/.test(number)));
});

test.serial("somebody else's order is not found, nor one that never was", async (t) => {
  const [ada, bob] = [await shop().customer(), await shop().customer()];
  const { order } = await placed(ada);
  for (const id of [order.id, uuidv7()]) {
    const watched = bob.orders.watchOrder({ id })[Symbol.asyncIterator]().next();
    for (const work of [bob.orders.getOrder({ id }), bob.orders.cancelOrder({ id }), watched]) {
      const error = await refusal(work);
      t.is(error.reason, "ORDER_NOT_FOUND");
      t.is(error.code, Code.NOT_FOUND);
    }
  }
  t.deepEqual((await bob.orders.listMyOrders({})).orders, []);
});

test.serial("orders are listed newest first, page by page, with their lines", async (t) => {
  const ada = await shop().customer();
  const orders: Order[] = [];
  for (let count = 0; count < 5; count++) orders.unshift((await placed(ada)).order);
  const listed: Order[] = [];
  let pageToken = "";
  const sizes: number[] = [];
  do {
    const page = await ada.orders.listMyOrders({ pageSize: 2, pageToken });
    listed.push(...page.orders);
    sizes.push(page.orders.length);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  t.deepEqual(sizes, [2, 2, 1]);
  t.deepEqual(listed, orders);
  t.deepEqual((await ada.orders.listMyOrders({})).orders, orders);
});

test.serial("a page token of another customer's list is refused", async (t) => {
  const [ada, bob] = [await shop().customer(), await shop().customer()];
  for (let count = 0; count < 2; count++) await placed(ada);
  const { nextPageToken: pageToken } = await ada.orders.listMyOrders({ pageSize: 1 });
  t.is((await refusal(bob.orders.listMyOrders({ pageToken }))).reason, "PAGE_TOKEN_INVALID");
});

test.serial("cancelling gives stock and money back, tells of it, and may be repeated", async (t) => {
  const { mesh } = shop();
  const nats = await connect({ servers: mesh.env.SOUK_NATS_URL });
  t.teardown(() => nats.close());
  const events = nats.subscribe(`${mesh.env.SOUK_EVENT_NAMESPACE}.order.v1.OrderCancelled.*`);
  await nats.flush();
  const ada = await shop().customer();
  const { order, lamp } = await placed(ada);
  t.deepEqual(await shop().stock(lamp), [8, 2]);

  const { order: cancelled } = await ada.orders.cancelOrder({ id: order.id, reason: "changed my mind" });

  t.like(cancelled, { id: order.id, state: OrderState.CANCELLED, cancelReason: "changed my mind" });
  t.true(cancelled?.lines.every((line) => line.cancelled === line.quantity));
  t.deepEqual(cancelled?.cancelled, order.total);
  t.deepEqual(await shop().stock(lamp), [10, 0]);
  t.is((await shop().payment(order.id)).state, PaymentState.VOIDED);
  t.deepEqual((await ada.orders.cancelOrder({ id: order.id, reason: "again" })).order, cancelled);
  for await (const message of events) {
    const event = fromBinary(OrderCancelledSchema, message.data);
    if (event.orderId !== order.id) continue;
    t.like(event, { customerId: ada.id, email: ada.email, order: cancelled });
    break;
  }
});

test.serial(
  "of those who cancel an order at once all are told that it is cancelled, and the stock comes back once",
  async (t) => {
    const ada = await shop().customer();
    const { order, lamp } = await placed(ada);
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => ada.orders.cancelOrder({ id: order.id })),
    );
    for (const answer of answers) t.is(answer.order?.state, OrderState.CANCELLED);
    t.deepEqual(await shop().stock(lamp), [10, 0]);
  },
);

test.serial("an order whose payment is taken cannot be cancelled and stays as it is", async (t) => {
  const ada = await shop().customer();
  const { order, lamp } = await placed(ada);
  await shop().mesh.as(PaymentService, "order").capturePayment({ paymentId: order.id });
  for (let time = 0; time < 2; time++) {
    const error = await refusal(ada.orders.cancelOrder({ id: order.id }));
    t.is(error.reason, "ORDER_NOT_CANCELLABLE");
    t.is(error.code, Code.FAILED_PRECONDITION);
  }
  t.is((await ada.orders.getOrder({ id: order.id })).order?.state, OrderState.CONFIRMED);
  t.deepEqual(await shop().stock(lamp), [8, 2]);
});

test.serial("a watcher is told the order as it is, and how it ends", async (t) => {
  const ada = await shop().customer();
  const { order } = await placed(ada);
  const watch = ada.orders.watchOrder({ id: order.id.toUpperCase() })[Symbol.asyncIterator]();
  t.deepEqual((await watch.next()).value?.order, order);
  await ada.orders.cancelOrder({ id: order.id });
  let last: Order | undefined;
  for (let next = await watch.next(); next.done !== true; next = await watch.next()) last = next.value.order;
  t.is(last?.state, OrderState.CANCELLED);
});

test.serial("an order that has ended is told once", async (t) => {
  const ada = await shop().customer();
  const { order } = await placed(ada);
  await ada.orders.cancelOrder({ id: order.id });
  const told = await Array.fromAsync(ada.orders.watchOrder({ id: order.id }));
  t.deepEqual(
    told.map((it) => it.order?.state),
    [OrderState.CANCELLED],
  );
});

test.serial("many watchers share one connection, and outlive its loss", async (t) => {
  const ada = await shop().customer();
  const { order } = await placed(ada);
  const watches = Array.from({ length: 20 }, () =>
    ada.orders.watchOrder({ id: order.id })[Symbol.asyncIterator](),
  );
  for (const watch of watches) await watch.next();
  const client = new pg.Client(shop().mesh.env.ORDER_DATABASE_URL);
  await client.connect();
  t.teardown(() => client.end());
  const listeners =
    "from pg_stat_activity where datname = current_database() and application_name = 'souk-order-changed'";
  const { rows } = await client.query(`select pid ${listeners}`);
  t.is(rows.length, 1);
  await client.query(`select pg_terminate_backend(pid) ${listeners}`);
  await ada.orders.cancelOrder({ id: order.id });
  for (const watch of watches) {
    let last: Order | undefined;
    for (let next = await watch.next(); next.done !== true; next = await watch.next())
      last = next.value.order;
    t.is(last?.state, OrderState.CANCELLED);
  }
  await eventually(async () => {
    const { rows: again } = await client.query(`select pid ${listeners}`);
    if (again.length !== 1 || again[0].pid === rows[0].pid) throw new Error("it does not listen again");
  });
});
