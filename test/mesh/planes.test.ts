import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import { uuidv7 } from "uuidv7";
import { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { NotificationService } from "#gen/souk/notification/v1/notification_pb.ts";
import { CartService } from "#gen/souk/order/v1/cart_pb.ts";
import { CheckoutService } from "#gen/souk/order/v1/checkout_pb.ts";
import { type Order, OrderService, OrderState } from "#gen/souk/order/v1/order_pb.ts";
import { PaymentService } from "#gen/souk/payment/v1/payment_pb.ts";
import { ProductService } from "#gen/souk/product/v1/product_pb.ts";
import { UserService } from "#gen/souk/user/v1/user_pb.ts";
import { Code, SoukError } from "#kit/error.ts";
import { insist } from "../chaos/insist.ts";
import { offer } from "../chaos/offer.ts";
import { eventually } from "../eventually.ts";
import { type Call, type DataPlane, openPlane } from "./plane-shop.ts";

const ADDRESS = {
  name: "Ada Lovelace",
  line1: "Mühlenweg 4",
  city: "Kiel",
  postalCode: "24103",
  countryCode: "DE",
};

// One after the other: each has all services in this process.
for (const plane of ["local", "direct", "envoy"] satisfies DataPlane[]) {
  test.serial(
    `${plane}: a customer registers, orders, and is told; others see and do nothing of it`,
    async (t) => {
      const shop = await openPlane(t, plane);
      if (shop === undefined) return;
      const { call } = shop;
      await everyServiceAnswers(call);
      const [ada, bob] = await Promise.all([register(call), register(call)]);
      const [variantId = ""] = await offer(call, 10);

      const order = await placeOrder(t, call, ada, variantId);
      await isWatched(t, call, ada, order);
      await isTold(call, ada, order);
      const { levels } = await call(InventoryService, { accessToken: "" }).getStock({
        variantIds: [variantId],
      });
      t.like(levels[0], { available: 8n });

      await isRefused(
        t,
        call(OrderService, bob).getOrder({ id: order.id }),
        Code.NOT_FOUND,
        "ORDER_NOT_FOUND",
      );
      await isRefused(
        t,
        call(OrderService, bob).cancelOrder({ id: order.id }),
        Code.NOT_FOUND,
        "ORDER_NOT_FOUND",
      );
      const nobody = call(OrderService, { accessToken: "" });
      await isRefused(t, nobody.listMyOrders({}), Code.UNAUTHENTICATED, "TOKEN_MISSING");
      const forged = call(OrderService, { accessToken: `${ada.accessToken.slice(0, -4)}AAAA` });
      await isRefused(t, forged.getOrder({ id: order.id }), Code.UNAUTHENTICATED, "TOKEN_INVALID");
      await onlyOrderMayReserve(t, call, ada, variantId);
      await isRefused(
        t,
        call(PaymentService, ada).getPayment({ id: order.paymentId }),
        Code.PERMISSION_DENIED,
        "PERMISSION_MISSING",
      );
      t.is(
        (await call(PaymentService, { caller: "operator" }).getPayment({ id: order.paymentId })).payment?.id,
        order.id,
      );
    },
  );
}

/** Envoy begins to send calls to a service when it has seen it healthy. */
async function everyServiceAnswers(call: Call): Promise<void> {
  const [operator, id] = [{ caller: "operator" }, uuidv7()];
  const questions = [
    () => call(AuthService, operator).getKeySet({}),
    () => call(UserService, operator).getMe({}),
    () => call(ProductService, operator).listCategories({}),
    () => call(InventoryService, operator).getStock({ variantIds: [id] }),
    () => call(OrderService, operator).getOrder({ id }),
    () => call(PaymentService, operator).getPayment({ id }),
    () => call(NotificationService, operator).listMyNotifications({}),
  ];
  const refused = (error: unknown) => assert.notEqual((error as SoukError).code, Code.UNAVAILABLE);
  await Promise.all(questions.map((ask) => eventually(() => ask().then(() => {}, refused))));
}

interface Registered {
  readonly accessToken: string;
}

async function register(call: Call): Promise<Registered> {
  const { tokens } = await insist(() =>
    call(AuthService, { accessToken: "" }).register({
      email: `${randomUUID()}@example.com`,
      password: "correct horse battery",
      firstName: "Ada",
      lastName: "Lovelace",
    }),
  );
  return { accessToken: tokens?.accessToken ?? "" };
}

async function placeOrder(
  t: ExecutionContext,
  call: Call,
  ada: Registered,
  variantId: string,
): Promise<Order> {
  await insist(() => call(CartService, ada).addItem({ variantId, quantity: 2n }, { idempotencyKey: "k1" }));
  const { order } = await insist(() =>
    call(CheckoutService, ada).placeOrder(
      { shippingAddress: ADDRESS, shippingMethod: "standard", payment: { token: "tok_visa" } },
      { idempotencyKey: "k1" },
    ),
  );
  t.is(order?.state, OrderState.CONFIRMED);
  t.deepEqual((await call(OrderService, ada).getOrder({ id: order?.id })).order, order);
  return order as Order;
}

async function isWatched(t: ExecutionContext, call: Call, ada: Registered, order: Order): Promise<void> {
  for await (const seen of call(OrderService, ada).watchOrder({ id: order.id })) {
    t.deepEqual(seen.order, order);
    break;
  }
}

/** By events: the profile that came with the account, and the notification of the order. */
async function isTold(call: Call, ada: Registered, order: Order): Promise<void> {
  await eventually(async () => {
    const { notifications } = await call(NotificationService, ada).listMyNotifications({});
    assert.deepEqual(
      notifications
        .map(({ topic, subjectId }) => [topic, subjectId])
        .find(([topic]) => topic === "order-confirmed"),
      ["order-confirmed", order.id],
    );
    assert.equal((await call(UserService, ada).getMe({})).profile?.firstName, "Ada");
  });
}

async function onlyOrderMayReserve(
  t: ExecutionContext,
  call: Call,
  ada: Registered,
  variantId: string,
): Promise<void> {
  const reservation = () => ({
    reservationId: uuidv7(),
    lines: [{ variantId, quantity: 1n }],
    ttl: { seconds: 60n },
  });
  for (const identity of [ada, { caller: "payment" }, { caller: "gateway" }]) {
    const reserved = call(InventoryService, identity).reserveStock(reservation());
    await isRefused(t, reserved, Code.PERMISSION_DENIED, "CALLER_REFUSED");
  }
  await t.notThrowsAsync(call(InventoryService, { caller: "order" }).reserveStock(reservation()));
}

async function isRefused(
  t: ExecutionContext,
  call: Promise<unknown>,
  code: Code,
  reason: string,
): Promise<void> {
  const error = await t.throwsAsync(call, { instanceOf: SoukError });
  t.is(error?.code, code, error?.message);
  t.is(error?.reason, reason);
}
