import { randomUUID } from "node:crypto";
import { type DescMessage, fromBinary } from "@bufbuild/protobuf";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import test from "ava";
import pg from "pg";
import { uuidv7 } from "uuidv7";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { CartService } from "#gen/souk/order/v1/cart_pb.ts";
import { CheckoutService } from "#gen/souk/order/v1/checkout_pb.ts";
import { OrderCancelledSchema, OrderKeptWaitingSchema } from "#gen/souk/order/v1/events_pb.ts";
import { type Order, OrderService, OrderState } from "#gen/souk/order/v1/order_pb.ts";
import { TimelineKind } from "#gen/souk/order/v1/timeline_pb.ts";
import { GiftCardService } from "#gen/souk/payment/v1/gift_card_pb.ts";
import { PaymentService, PaymentState } from "#gen/souk/payment/v1/payment_pb.ts";
import { eventSubject } from "#kit/data/outbox.ts";
import { money } from "#kit/money.ts";
import { signSandboxWebhook } from "../../services/payment/provider/sandbox-signature.ts";
import { eventually } from "../eventually.ts";
import { once } from "./order-after-sale.ts";
import { ADDRESS, type Customer, refusal, shopOf } from "./order-shop.ts";

const WEBHOOK_SECRET = "a secret between the sandbox and us, for tests";
const RETURN_URI = "https://shop.example/back";
const CONFIRM_MS = 600_000;

const shop = shopOf(test, {
  PAYMENT_SANDBOX_WEBHOOK_SECRET: WEBHOOK_SECRET,
  ORDER_RETURN_ORIGINS: "https://shop.example",
  ORDER_CONFIRM_PAYMENT_MS: String(CONFIRM_MS),
});

test.serial.afterEach(() => {
  shop().observe = () => {};
});

/** Somebody whose order of two lamps waits to be confirmed; the sandbox's customer does as its token says. */
async function waiting(token: string, means: object = {}) {
  const ada = await shop().customer();
  const lamp = await shop().offer(1_000n, 10);
  await ada.add(lamp, 2n);
  const key = once();
  const request = {
    shippingAddress: ADDRESS,
    shippingMethod: "standard",
    payment: { token },
    returnUri: RETURN_URI,
    ...means,
  };
  const place = () => ada.checkout.placeOrder(request, key);
  const { order, action } = await place();
  const id = order?.id ?? "";
  return {
    ada,
    lamp,
    place,
    order: order as Order,
    action,
    id,
    read: async () => (await ada.orders.getOrder({ id })).order as Order,
    complete: async () => (await ada.checkout.completePayment({ orderId: id })).order as Order,
  };
}

/** The provider tells of the charge of an order of its own accord. */
async function webhook(id: string): Promise<void> {
  const { providerChargeId: charge } = await shop().payment(id);
  const notice = { id: randomUUID(), type: "charge.updated", charge, idempotencyKey: id };
  const body = Buffer.from(JSON.stringify(notice));
  const signature = signSandboxWebhook(WEBHOOK_SECRET, body, Date.now());
  const payments = shop().mesh.withToken(PaymentService, "");
  await payments.handleWebhook({ provider: "sandbox", body, signature });
}

/** Asks the database of a service. */
async function ask(service: string, sql: string, ...values: unknown[]): Promise<void> {
  const client = new pg.Client({ connectionString: shop().mesh.env[`${service}_DATABASE_URL`] as string });
  await client.connect();
  await client.query(sql, values).finally(() => client.end());
}

/** What was told of orders by events of a kind, by order: how often, and what the last time. */
async function toldOf<D extends DescMessage>(schema: D, ...ids: string[]) {
  const env = shop().mesh.env;
  const nats = await connect({ servers: env["SOUK_NATS_URL"] as string });
  try {
    const { streams } = await jetstreamManager(nats);
    const namespace = env["SOUK_EVENT_NAMESPACE"];
    const stream = `${namespace}-order`;
    return await Promise.all(
      ids.map(async (id) => {
        const subject = `${namespace}.${eventSubject(schema)}.${id}`;
        const { state } = await streams.info(stream, { subjects_filter: subject });
        const last = await streams.getMessage(stream, { last_by_subj: subject });
        const times = state.subjects?.[subject] ?? 0;
        return { times, event: last && fromBinary(schema, last.data) };
      }),
    );
  } finally {
    await nats.close();
  }
}

function becomes(state: OrderState, read: () => Promise<Order>): Promise<Order> {
  return eventually(async () => {
    const order = await read();
    if (order.state !== state) throw new Error(`the order is in state ${order.state}`);
    return order;
  });
}

test.serial(
  "an order whose payment has to be confirmed waits, and is confirmed once the shopper is back",
  async (t) => {
    const { ada, lamp, place, order, action, id, read, complete } = await waiting("tok_3ds");
    t.is(order.state, OrderState.AWAITING_PAYMENT);
    t.is(action?.redirectUri, `${RETURN_URI}?payment_id=${id}`);
    const waitsMs = Number(action?.expireTime?.seconds ?? 0n) * 1_000 - Date.now();
    t.true(waitsMs > 0 && waitsMs <= CONFIRM_MS);
    t.deepEqual(await shop().stock(lamp), [8, 2]);
    t.deepEqual(await ada.lines(), [[lamp, 2n, ""]], "the cart stays");
    t.is((await refusal(ada.place())).reason, "CART_EMPTY", "and cannot be ordered a second time");
    t.deepEqual(await place(), { ...(await place()), order, action }, "the same call again says the same");

    const [one, other] = await Promise.all([complete(), complete()]);
    t.is(one.state, OrderState.CONFIRMED);
    t.deepEqual(other, one);
    t.deepEqual(await complete(), one);
    t.deepEqual(await read(), one);
    t.is((await place()).action, undefined, "nothing is left to do");
    t.is((await shop().payment(id)).state, PaymentState.AUTHORIZED);
    t.deepEqual(await shop().stock(lamp), [8, 2]);
    t.deepEqual(await ada.lines(), []);
    const { entries } = await ada.orders.listOrderTimeline({ orderId: id });
    t.deepEqual(
      entries.map(({ kind }) => kind),
      [TimelineKind.CONFIRMED, TimelineKind.PAYMENT, TimelineKind.PLACED],
    );
  },
);

test.serial("a payment that is not confirmed yet is refused, and the order waits on", async (t) => {
  const { id, read, complete } = await waiting("tok_3ds_waiting");
  t.like(await refusal(complete()), {
    reason: "PAYMENT_NOT_CONFIRMED",
    metadata: { order_id: id, state: "AWAITING_PAYMENT" },
  });
  t.is((await read()).state, OrderState.AWAITING_PAYMENT);
  await ask("PAYMENT", "update sandbox.charge set customer = 'confirms' where idempotency_key = $1", id);
  t.is((await complete()).state, OrderState.CONFIRMED);
});

test.serial(
  "a confirmation that the provider refuses cancels the order and gives back all that it held",
  async (t) => {
    const cards = shop().mesh.as(GiftCardService);
    const { code } = await cards.issueGiftCard({ giftCardId: uuidv7(), amount: money(500n, "EUR") });
    const { ada, lamp, id, read, complete } = await waiting("tok_3ds_refused", { giftCards: [{ code }] });
    t.is((await cards.checkGiftCard({ code })).balance?.minor, 0n);
    t.is((await refusal(complete())).reason, "PAYMENT_DECLINED");
    t.is((await refusal(complete())).reason, "PAYMENT_DECLINED", "the same again answers as before");
    t.like(await read(), { state: OrderState.CANCELLED, cancelReason: "PAYMENT_DECLINED" });
    t.is((await shop().payment(id)).state, PaymentState.DECLINED);
    t.is((await cards.checkGiftCard({ code })).balance?.minor, 500n);
    t.deepEqual(await shop().stock(lamp), [10, 0]);
    t.deepEqual(await ada.lines(), [[lamp, 2n, ""]]);
    t.is((await ada.place()).state, OrderState.CONFIRMED, "another card will do");
  },
);

test.serial("what the provider tells confirms an order without the shopper, who finds it so", async (t) => {
  const { id, read, complete } = await waiting("tok_3ds");
  await webhook(id);
  await webhook(id);
  const order = await becomes(OrderState.CONFIRMED, read);
  t.deepEqual(await complete(), order);
});

test.serial(
  "what the provider tells while the shopper comes back, or before the order waits, counts once",
  async (t) => {
    const { id, complete, lamp } = await waiting("tok_3ds");
    const [, order] = await Promise.all([webhook(id), complete(), webhook(id)]);
    t.is(order.state, OrderState.CONFIRMED);
    t.deepEqual(await shop().stock(lamp), [8, 2]);
    shop().observe = async ({ saga, sagaId, step, phase }) => {
      if (saga === "place-order" && step === "commit-reservation" && phase === "before")
        await webhook(sagaId);
    };
    const early = await waiting("tok_3ds");
    await becomes(OrderState.CONFIRMED, early.read);
  },
);

test.serial(
  "who keeps an order waiting is reminded where to confirm it, once, and who is quick is not",
  async (t) => {
    const [quick, slow, slower] = [
      await waiting("tok_3ds"),
      await waiting("tok_3ds_waiting"),
      await waiting("tok_3ds_waiting"),
    ];
    await quick.complete();
    const remind = async (...orders: (typeof quick)[]) => {
      const ids = orders.map(({ id }) => id);
      await ask("ORDER", "update orders set remind_at = now() where id = any ($1)", ids);
      await eventually(async () => {
        const told = await toldOf(OrderKeptWaitingSchema, ...ids.slice(-1));
        if (told[0]?.times !== 1) throw new Error("nobody is reminded");
      });
    };
    await remind(quick, slow);
    await remind(slower);
    const [never, single] = await toldOf(OrderKeptWaitingSchema, quick.id, slow.id);
    t.deepEqual([never?.times, single?.times], [0, 1]);
    t.like(single?.event, {
      customerId: slow.ada.id,
      email: slow.ada.email,
      confirmUri: `${RETURN_URI}?payment_id=${slow.id}`,
      expireTime: slow.action?.expireTime,
      order: slow.order,
    });
    const { entries } = await slow.ada.orders.listOrderTimeline({ orderId: slow.id });
    t.is(entries[0]?.text, "The customer was reminded to confirm the payment");
    t.deepEqual(await slow.read(), slow.order, "the order is as it was");
  },
);

test.serial("an order whose customer never comes back is cancelled when the time is up", async (t) => {
  const { ada, lamp, id, read, complete } = await waiting("tok_3ds_waiting");
  await ask("ORDER", "update orders set confirm_until = now() where id = $1", id);
  t.like(await becomes(OrderState.CANCELLED, read), { cancelReason: "PAYMENT_NOT_CONFIRMED" });
  t.is((await shop().payment(id)).state, PaymentState.VOIDED);
  t.deepEqual(await shop().stock(lamp), [10, 0]);
  t.deepEqual(await ada.lines(), [[lamp, 2n, ""]]);
  t.like(await refusal(complete()), { reason: "PAYMENT_NOT_CONFIRMED", metadata: { state: "CANCELLED" } });
});

test.serial("an order whose time is up is confirmed all the same when its customer confirmed", async (t) => {
  const { id, read } = await waiting("tok_3ds");
  await ask("ORDER", "update orders set confirm_until = now() where id = $1", id);
  t.is((await becomes(OrderState.CONFIRMED, read)).state, OrderState.CONFIRMED);
});

test.serial(
  "a reservation that ran out before the payment was confirmed gives the money back, and its customer is told",
  async (t) => {
    const declined = await waiting("tok_3ds_refused");
    await refusal(declined.complete());
    const { ada, id, read, complete } = await waiting("tok_3ds");
    await shop().mesh.as(InventoryService, "order").releaseReservation({ reservationId: id });
    t.is((await refusal(complete())).reason, "RESERVATION_RELEASED");
    const order = await read();
    t.is(order.state, OrderState.CANCELLED);
    t.is((await shop().payment(id)).state, PaymentState.VOIDED);
    const [told, untold] = await eventually(async () => {
      const found = await toldOf(OrderCancelledSchema, id, declined.id);
      if (found[0]?.times === 0) throw new Error("nobody is told");
      return found;
    });
    t.is(told?.times, 1);
    t.like(told?.event, { customerId: ada.id, email: ada.email, order });
    t.is(untold?.times, 0, "who did not pay learned it from the provider");
  },
);

test.serial("a customer who cancels, and a guest who gives up, are free at once", async (t) => {
  const { ada, lamp, id } = await waiting("tok_3ds_waiting");
  const cancel = () => ada.orders.cancelOrder({ id, reason: "wrong card" });
  const [{ order }] = await Promise.all([cancel(), cancel()]);
  t.like(order, { state: OrderState.CANCELLED, cancelReason: "wrong card" });
  const { entries } = await ada.orders.listOrderTimeline({ orderId: id });
  t.like(entries[1], { kind: TimelineKind.PAYMENT, text: "The payment was given up, and nothing was taken" });
  t.is((await shop().payment(id)).state, PaymentState.VOIDED);
  t.deepEqual(await shop().stock(lamp), [10, 0]);
  t.is((await ada.place()).state, OrderState.CONFIRMED);

  const cart = shop().mesh.withToken(CartService, "");
  const checkout = shop().mesh.withToken(CheckoutService, "");
  const { cartToken } = await cart.createGuestCart({});
  await cart.addItem({ cartToken, variantId: lamp, quantity: 1n });
  const placed = await checkout.placeOrder(
    {
      cartToken,
      email: "bob@example.com",
      shippingAddress: ADDRESS,
      shippingMethod: "standard",
      payment: { token: "tok_3ds_waiting" },
      returnUri: RETURN_URI,
    },
    once(),
  );
  const { orderToken } = placed;
  const orderId = placed.order?.id ?? "";
  t.is((await refusal(checkout.completePayment({ orderId }))).reason, "ORDER_NOT_FOUND");
  t.is((await refusal(checkout.completePayment({ orderId, orderToken: "no" }))).reason, "ORDER_NOT_FOUND");
  t.is((await refusal(ada.checkout.completePayment({ orderId }))).reason, "ORDER_NOT_FOUND");
  const giveUp = () => checkout.completePayment({ orderId, orderToken, giveUp: true });
  t.is((await giveUp()).order?.state, OrderState.CANCELLED);
  t.is((await giveUp()).order?.state, OrderState.CANCELLED);
  const again = checkout.completePayment({ orderId, orderToken });
  t.is((await refusal(again)).reason, "PAYMENT_NOT_CONFIRMED");
});

test.serial("it is too late to give up what is confirmed", async (t) => {
  const { ada, id, complete } = await waiting("tok_3ds");
  await complete();
  const late = ada.checkout.completePayment({ orderId: id, giveUp: true });
  t.is((await refusal(late)).reason, "ORDER_NOT_CANCELLABLE");
});

test.serial("who watches an order is told each step of its confirmation", async (t) => {
  const { ada, id, complete } = await waiting("tok_3ds");
  const told: OrderState[] = [];
  let completed: ReturnType<typeof complete> | undefined;
  for await (const { order } of ada.orders.watchOrder({ id })) {
    told.push(order?.state ?? OrderState.UNSPECIFIED);
    if (order?.state === OrderState.CONFIRMED) break;
    if (told.length === 1) completed = complete();
  }
  t.deepEqual(told, [OrderState.AWAITING_PAYMENT, OrderState.CONFIRMED]);
  t.is((await completed)?.state, OrderState.CONFIRMED);
});

test.serial("without a page to come back to, or with one elsewhere, no payment is confirmed", async (t) => {
  const ada: Customer = await shop().customer();
  await ada.add(await shop().offer(1_000n));
  t.is((await refusal(ada.place({ token: "tok_3ds" }))).reason, "PAYMENT_DECLINED");
  const elsewhere = ada.checkout.placeOrder(
    {
      shippingAddress: ADDRESS,
      shippingMethod: "standard",
      payment: { token: "tok_3ds" },
      returnUri: "https://shop.example.evil.example/back",
    },
    once(),
  );
  t.is((await refusal(elsewhere)).reason, "RETURN_URI_REFUSED");
});

test.serial("nothing of an order that waits can be sent, cancelled by staff or returned", async (t) => {
  const { id, order } = await waiting("tok_3ds_waiting");
  const staff = shop().mesh.as(OrderService);
  t.is((await refusal(staff.shipOrder({ orderId: id }, once()))).reason, "ORDER_NOT_SHIPPABLE");
  t.is((await refusal(staff.cancelOrderItems({ orderId: id }, once()))).reason, "ORDER_NOT_CANCELLABLE");
  const { orders } = await staff.listOrders({ states: [OrderState.AWAITING_PAYMENT] });
  t.true(orders.some((it) => it.id === order.id));
});
