import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { create, getOption, hasOption } from "@bufbuild/protobuf";
import test, { type ExecutionContext } from "ava";
import { contracts } from "#gen/contracts.ts";
import { event as eventOption } from "#gen/souk/mesh/v1/policy_pb.ts";
import { DeliveryState } from "#gen/souk/notification/v1/delivery_pb.ts";
import { NotificationService } from "#gen/souk/notification/v1/notification_pb.ts";
import { Channel } from "#gen/souk/notification/v1/preference_pb.ts";
import { CartService } from "#gen/souk/order/v1/cart_pb.ts";
import { CheckoutService } from "#gen/souk/order/v1/checkout_pb.ts";
import { OrderConfirmedSchema } from "#gen/souk/order/v1/events_pb.ts";
import type { Order } from "#gen/souk/order/v1/order_pb.ts";
import { ProductAdminService } from "#gen/souk/product/v1/product_admin_pb.ts";
import { publicJson } from "#kit/redact.ts";
import { servicePrograms } from "../../deploy/local/service-programs.ts";
import { offeredEvents } from "../../services/notification/webhook/offered-events.ts";
import { afterFile } from "../after-file.ts";
import { eventually } from "../eventually.ts";
import { noteSecret } from "../evidence/collect.ts";
import { startTestMesh, type TestMesh } from "../mesh.ts";
import { reasonOf } from "../refusal.ts";
import { connectPool } from "./auth-tables.ts";
import { type Receiver, startReceiver, status } from "./notification-receiver.ts";
import { type Customer, putOnSale, register } from "./shop-belongings.ts";

const CONFIRMED = "souk.order.v1.OrderConfirmed";
const PRICES_CHANGED = "souk.product.v1.VariantPricesChanged";

const file = afterFile(test);
let mesh: TestMesh;
let variantId = "";
let isGenuine: (secret: string, headers: object, body: string) => boolean;

test.before(async () => {
  const env = {
    NOTIFICATION_SMTP_URL: "smtp://127.0.0.1:1",
    NOTIFICATION_WEBHOOKS_TO_PRIVATE: "on",
    NOTIFICATION_WEBHOOK_RETRY_MS: "20",
  };
  mesh = await startTestMesh(file, servicePrograms, { env });
  variantId = await putOnSale(mesh);
  const lines = /<!-- verify-webhook -->\n```js\n([\s\S]*?)```/.exec(readFileSync("README.md", "utf8"))?.[1];
  ({ isGenuine } = await import(`data:text/javascript,${encodeURIComponent(lines ?? "")}`));
});

const staff = () => mesh.as(NotificationService);

/** Adds an endpoint, which is there as long as the test. */
async function endpoint(t: ExecutionContext, receiver: Receiver, events: readonly string[] = [CONFIRMED]) {
  const { endpoint, secret } = await staff().createWebhookEndpoint({
    url: receiver.url,
    events: [...events],
  });
  noteSecret(secret.slice("whsec_".length), "a secret of a webhook endpoint");
  const id = endpoint?.id ?? "";
  t.teardown(() => staff().deleteWebhookEndpoint({ id }));
  return { id, secret };
}

async function order(as: Customer, note = ""): Promise<Order> {
  await as(CartService).addItem({ variantId, quantity: 1n, note });
  const shippingAddress = {
    name: "Ada L",
    line1: "1 Way",
    city: "Kiel",
    postalCode: "24103",
    countryCode: "DE",
  };
  const request = { shippingAddress, shippingMethod: "standard", payment: { token: "tok_visa" } };
  const { order: placed } = await as(CheckoutService).placeOrder(request, { idempotencyKey: randomUUID() });
  return placed as Order;
}

/** The calls that told of an order. */
const callsAbout = ({ calls }: Receiver, { id }: Order) =>
  calls.filter(({ body }) => JSON.parse(body).data.orderId === id);

const deliveriesTo = async (webhookEndpointId: string, state: DeliveryState = DeliveryState.UNSPECIFIED) =>
  (await staff().listDeliveries({ webhookEndpointId, state })).deliveries;

test.serial(
  "an order that is placed is told to each endpoint that asks, signed and once, without what is personal",
  async (t) => {
    const ada = await register(mesh);
    const [one, other, foreign] = await Promise.all([startReceiver(t), startReceiver(t), startReceiver(t)]);
    const { id, secret } = await endpoint(t, one);
    await endpoint(t, other, [PRICES_CHANGED, CONFIRMED]);
    await endpoint(t, foreign, [PRICES_CHANGED]);
    const placed = await order(ada, "for my aunt Quuxina");
    const next = await order(ada);
    for (const receiver of [one, other]) {
      await eventually(() => assert.equal(callsAbout(receiver, placed).length, 1));
      await eventually(() => assert.equal(callsAbout(receiver, next).length, 1));
    }
    const [call] = callsAbout(one, placed);
    assert(call);
    t.true(isGenuine(secret, call.headers, call.body));
    t.like(JSON.parse(call.body), {
      type: CONFIRMED,
      data: {
        orderId: placed.id,
        order: { id: placed.id, number: placed.number, total: { currency: "EUR" } },
      },
    });
    t.notRegex(call.body, /Quuxina|Ada L|@example|1 Way|tok_visa|"email"/);

    await eventually(async () => assert.equal((await deliveriesTo(id, DeliveryState.DELIVERED)).length, 2));
    const [, delivery] = await deliveriesTo(id);
    t.like(delivery, {
      channel: Channel.WEBHOOK,
      topic: CONFIRMED,
      recipient: one.url,
      eventId: call.headers["webhook-id"] as string,
      attempts: 1,
      accountId: "",
    });
    const { attempts } = await staff().getDelivery({ id: delivery?.id ?? "" });
    t.like(attempts, [{ statusCode: 204, error: "" }]);
    t.is(foreign.calls.length, 0);
    t.is(callsAbout(one, placed).length, 1);
  },
);

test.serial(
  "an endpoint is told of what nobody else heeds, from when it asks until it does not",
  async (t) => {
    const receiver = await startReceiver(t);
    const product = connectPool(t, mesh.env["PRODUCT_DATABASE_URL"] as string);
    /** What it tells of is in its stream afterwards. */
    const setPrice = async (minor: bigint) => {
      const prices = [{ price: { minor, currency: "EUR" } }];
      await mesh.as(ProductAdminService).setVariantPrices({ variantId, prices });
      await eventually(async () => assert.deepEqual(await product("select from mesh.outbox limit 1"), []));
    };
    await setPrice(1_000n);
    const { id } = await endpoint(t, receiver, [PRICES_CHANGED]);
    await setPrice(1_100n);
    await eventually(() => assert.equal(receiver.calls.length, 1));
    t.is(JSON.parse(receiver.calls[0]?.body ?? "").data.variantId, variantId);
    const updateMask = { paths: ["enabled"] };
    await staff().updateWebhookEndpoint({ id, enabled: false, updateMask });
    await setPrice(1_200n);
    await staff().updateWebhookEndpoint({ id, enabled: true, updateMask });
    await setPrice(1_300n);
    await eventually(() => assert.equal(receiver.calls.length, 2));
    await setPrice(1_400n);
    await eventually(() => assert.equal(receiver.calls.length, 3));
    t.is((await deliveriesTo(id)).length, 3);
  },
);

test.serial(
  "an endpoint that is away is called again until it takes what it was to be told, with the same id",
  async (t) => {
    const ada = await register(mesh);
    const receiver = await startReceiver(t);
    let refusals = 2;
    receiver.answerWith((request, response) => status(refusals-- > 0 ? 500 : 204)(request, response));
    const { id } = await endpoint(t, receiver);
    const placed = await order(ada);
    await eventually(async () => {
      const [delivery] = await deliveriesTo(id, DeliveryState.DELIVERED);
      assert.equal(delivery?.attempts, 3);
    });
    const calls = callsAbout(receiver, placed);
    t.is(calls.length, 3);
    t.is(new Set(calls.map(({ headers }) => headers["webhook-id"])).size, 1);
    t.is(new Set(calls.map(({ body }) => body)).size, 1);
    const [delivery] = await deliveriesTo(id);
    const { attempts } = await staff().getDelivery({ id: delivery?.id ?? "" });
    t.deepEqual(
      attempts.map(({ statusCode }) => statusCode),
      [204, 500, 500],
    );
  },
);

test.serial(
  "what an endpoint out of use had yet to be told fails, and is told once it is in use and staff asks",
  async (t) => {
    const ada = await register(mesh);
    const receiver = await startReceiver(t);
    receiver.answerWith(status(500));
    const { id } = await endpoint(t, receiver);
    const placed = await order(ada);
    await eventually(() => assert.ok(callsAbout(receiver, placed).length > 0));
    const updateMask = { paths: ["enabled"] };
    await staff().updateWebhookEndpoint({ id, enabled: false, updateMask });
    await eventually(async () => assert.equal((await deliveriesTo(id, DeliveryState.FAILED)).length, 1));
    receiver.answerWith(status(204));
    await staff().updateWebhookEndpoint({ id, enabled: true, updateMask });
    const [failed] = await deliveriesTo(id);
    await staff().retryDelivery({ id: failed?.id ?? "" });
    await eventually(async () => assert.equal((await deliveriesTo(id, DeliveryState.DELIVERED)).length, 1));
    t.is((await deliveriesTo(id)).length, 1);
  },
);

test.serial("every event of the mesh is offered, but for those that stay in the shop", async (t) => {
  const events = [...contracts]
    .filter((it) => it.kind === "message")
    .filter((it) => hasOption(it, eventOption) && !getOption(it, eventOption).internal)
    .map(({ typeName }) => typeName);
  t.deepEqual([...offeredEvents].sort(), events.sort());
  const url = "http://127.0.0.1:9/souk";
  await t.notThrowsAsync(async () => {
    const { endpoint } = await staff().createWebhookEndpoint({ url, events });
    await staff().deleteWebhookEndpoint({ id: endpoint?.id ?? "" });
  });
  for (const secret of ["souk.auth.v1.PasswordResetRequested", "souk.mesh.v1.AuditRecorded"]) {
    t.is(await reasonOf(staff().createWebhookEndpoint({ url, events: [secret] })), "EVENT_NOT_FOUND");
  }
});

test.serial(
  "what the contract marks as secret or personal is in no JSON for the outside, at any depth",
  (t) => {
    const order = { email: "ada@example.com", number: "7K3MW", lines: [{ title: "Lamp", note: "for Ada" }] };
    const event = create(OrderConfirmedSchema, { orderId: "o", email: "ada@example.com", order });
    t.deepEqual(publicJson(OrderConfirmedSchema, event), {
      orderId: "o",
      order: { number: "7K3MW", lines: [{ title: "Lamp" }] },
    });
    t.like(event, { email: "ada@example.com", order: { email: "ada@example.com" } }, "it is left as it was");
  },
);
