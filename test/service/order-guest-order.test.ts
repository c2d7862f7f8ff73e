import { randomUUID } from "node:crypto";
import test from "ava";
import { uuidv7 } from "uuidv7";
import { AccessService } from "#gen/souk/auth/v1/access_pb.ts";
import { ApiKeyService } from "#gen/souk/auth/v1/api_key_pb.ts";
import { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import { CartService } from "#gen/souk/order/v1/cart_pb.ts";
import { CheckoutService } from "#gen/souk/order/v1/checkout_pb.ts";
import { type Order, OrderService, OrderState } from "#gen/souk/order/v1/order_pb.ts";
import { ReturnReason, ReturnState } from "#gen/souk/order/v1/return_pb.ts";
import { TimelineKind } from "#gen/souk/order/v1/timeline_pb.ts";
import { Code } from "#kit/error.ts";
import { once } from "./order-after-sale.ts";
import { ADDRESS, refusal, shopOf } from "./order-shop.ts";

const shop = shopOf(test);

/** Nobody in particular, as guests are. */
const nobody = () => shop().mesh.withToken(OrderService, "");
const staff = () => shop().mesh.as(OrderService);

/** A guest's order of two lamps, and what shows that it is theirs. */
async function guestOrder() {
  const cart = shop().mesh.withToken(CartService, "");
  const { cartToken } = await cart.createGuestCart({});
  await cart.addItem({ cartToken, variantId: await shop().offer(1_000n, 10), quantity: 2n });
  const email = `${randomUUID()}@example.com`;
  const request = { cartToken, email, shippingAddress: ADDRESS, shippingMethod: "standard" };
  const { order, orderToken } = await shop()
    .mesh.withToken(CheckoutService, "")
    .placeOrder({ ...request, payment: { token: "tok_visa" } }, once());
  return { order: order as Order, id: order?.id ?? "", email, orderToken };
}

function watch(request: { id: string; orderToken?: string; etag?: string }, orders = nobody()) {
  return orders.watchOrder(request)[Symbol.asyncIterator]();
}

test.serial("a guest watches an order with its token, and goes on after a break", async (t) => {
  const { order, id, email, orderToken } = await guestOrder();
  const watched = watch({ id: id.toUpperCase(), orderToken });
  t.deepEqual((await watched.next()).value?.order, order);
  const items = [{ lineId: order.lines[0]?.id ?? "", quantity: 1n }];
  const { order: partial } = await staff().shipOrder({ orderId: id, items }, once());
  t.deepEqual((await watched.next()).value?.order, partial);
  await watched.return?.();

  const find = () => nobody().findGuestOrder({ number: order.number, email });
  const watching = watch({ id, orderToken: (await find()).orderToken });
  t.deepEqual((await watching.next()).value?.order, partial);
  const found = await find();
  const resumed = watch({ id, orderToken: found.orderToken, etag: partial?.etag ?? "" });
  const next = resumed.next();
  const { order: whole } = await staff().shipOrder({ orderId: id }, once());
  t.is((await next).value?.order?.state, OrderState.SHIPPED);
  t.deepEqual((await watching.next()).value?.order, whole, "also who looked for it before");
  t.deepEqual((await watch({ id, orderToken, etag: partial?.etag ?? "" }).next()).value?.order, whole);
});

test.serial("without its token, or with another, a guest's order is not there to watch", async (t) => {
  const [{ id, orderToken }, other] = [await guestOrder(), await guestOrder()];
  const ada = await shop().customer();
  await ada.add(await shop().offer(1_000n));
  const hers = await ada.place();
  for (const work of [
    watch({ id }).next(),
    watch({ id, orderToken: other.orderToken }).next(),
    watch({ id: uuidv7(), orderToken }).next(),
    watch({ id }, ada.orders).next(),
    watch({ id: hers.id, orderToken }, ada.orders).next(),
    watch({ id: hers.id }).next(),
  ]) {
    const { reason, code } = await refusal(work);
    t.deepEqual([reason, code], ["ORDER_NOT_FOUND", Code.NOT_FOUND]);
  }
});

test.serial("a guest looks at an order, cancels it, and has its stock and money given back", async (t) => {
  const { order, id, orderToken } = await guestOrder();
  t.deepEqual((await nobody().getOrder({ id, orderToken })).order, order);
  const { order: cancelled } = await nobody().cancelOrder({ id, orderToken, reason: "Changed my mind" });
  t.like(cancelled, { state: OrderState.CANCELLED, cancelReason: "Changed my mind" });
  t.deepEqual(await shop().stock(order.lines[0]?.variantId ?? ""), [10, 0]);
  const { entries } = await nobody().listOrderTimeline({ orderId: id, orderToken });
  t.deepEqual(
    entries.map(({ kind }) => kind),
    [TimelineKind.CANCELLED, TimelineKind.PAYMENT, TimelineKind.CONFIRMED, TimelineKind.PLACED],
  );
});

test.serial("a guest has the invoice of what was sent, and sends it back", async (t) => {
  const { order, id, email, orderToken } = await guestOrder();
  await staff().shipOrder({ orderId: id }, once());
  const invoice = await nobody().getInvoice({ orderId: id, orderToken });
  t.is(Buffer.from(invoice.pdf.subarray(0, 5)).toString(), "%PDF-");
  const items = [{ lineId: order.lines[0]?.id ?? "", quantity: 1n, reason: ReturnReason.UNWANTED }];
  const ask = () => nobody().requestReturn({ orderId: id, orderToken, items });
  const { return: withdrawn } = await ask();
  const cancelled = await nobody().cancelReturn({ id: withdrawn?.id ?? "", orderToken });
  t.is(cancelled.return?.state, ReturnState.CANCELLED);
  const found = await nobody().findGuestOrder({ number: order.number, email });
  const { return: wanted } = await nobody().requestReturn({
    orderId: id,
    orderToken: found.orderToken,
    items,
  });
  await staff().approveReturn({ id: wanted?.id ?? "" });
  const back = [{ lineId: order.lines[0]?.id ?? "", restocked: 1n }];
  await staff().receiveReturn({ id: wanted?.id ?? "", items: back });
  const { order: now } = await nobody().getOrder({ id, orderToken });
  t.is(now?.refunded?.minor, 1_000n);
});

test.serial("a guest looks at what is sent instead of goods with the token of their order", async (t) => {
  const { order, id, orderToken } = await guestOrder();
  await staff().shipOrder({ orderId: id }, once());
  const exchange = {
    orderId: id,
    returnedItems: [{ lineId: order.lines[0]?.id ?? "", quantity: 1n }],
    sentLines: [{ variantId: await shop().offer(1_000n, 10), quantity: 1n }],
  };
  const { replacement } = await staff().exchangeOrder(exchange, once());
  const { order: seen } = await nobody().getOrder({ id: replacement?.id ?? "", orderToken });
  t.is(seen?.exchangeOfOrderId, id);
});

test.serial("what is a guest's is there for nobody without its token", async (t) => {
  const [{ order, id, orderToken }, other] = [await guestOrder(), await guestOrder()];
  await staff().shipOrder({ orderId: id }, once());
  const items = [{ lineId: order.lines[0]?.id ?? "", quantity: 1n, reason: ReturnReason.UNWANTED }];
  const { return: asked } = await nobody().requestReturn({ orderId: id, orderToken, items });
  const returnId = asked?.id ?? "";
  const ada = await shop().customer();
  for (const [orders, token] of [
    [nobody(), ""],
    [nobody(), other.orderToken],
    [ada.orders, ""],
  ] as const) {
    const ask = (orderId: string) => {
      const own = { orderId, orderToken: token };
      return [
        orders.getOrder({ id: orderId, orderToken: token }),
        orders.cancelOrder({ id: orderId, orderToken: token }),
        orders.requestReturn({ ...own, items }),
        orders.listOrderTimeline(own),
        orders.getInvoice(own),
      ].map(async (work) => {
        const { reason, message } = await refusal(work);
        return [reason, message.replaceAll(orderId, "<id>")] as const;
      });
    };
    const refused = await Promise.all(ask(id));
    t.true(refused.every(([reason]) => reason === "ORDER_NOT_FOUND"));
    t.deepEqual(refused, await Promise.all(ask(uuidv7())), "as what is not there at all");
    const { code } = await refusal(orders.cancelReturn({ id: returnId, orderToken: token }));
    t.is(code, Code.NOT_FOUND);
  }
  t.is((await nobody().getOrder({ id, orderToken })).order?.returns[0]?.state, ReturnState.REQUESTED);
});

test.serial("an API key opens neither the cart nor the orders of its owner", async (t) => {
  const { mesh } = shop();
  const account = { email: `${randomUUID()}@example.com`, password: "correct horse battery" };
  const nobodyYet = mesh.withToken(AuthService, "");
  const { user } = await nobodyYet.register({ ...account, firstName: "Ada", lastName: "Lovelace" });
  await mesh.as(AccessService).grantRole({ accountId: user?.id ?? "", role: "catalogue-manager" });
  const { tokens } = await nobodyYet.login(account);
  const keys = mesh.withToken(ApiKeyService, tokens?.accessToken ?? "");
  const { apiKey } = await keys.createApiKey({ displayName: "nightly", scopes: ["inventory:read"] });
  const { accessToken } = await mesh.withToken(ApiKeyService, "").exchangeApiKey({ apiKey });
  const shopping = { shippingAddress: ADDRESS, shippingMethod: "standard", payment: { token: "tok_visa" } };
  const outcomes = [
    mesh.withToken(CartService, accessToken).getCart({}),
    mesh.withToken(CheckoutService, accessToken).placeOrder(shopping, once()),
    mesh.withToken(OrderService, accessToken).getOrder({ id: uuidv7() }),
    mesh.withToken(OrderService, accessToken).listMyOrders({}),
  ].map(async (work) => (await refusal(work)).reason);
  t.deepEqual(await Promise.all(outcomes), [
    "CART_NOT_FOUND",
    "CART_NOT_FOUND",
    "ORDER_NOT_FOUND",
    "PERMISSION_MISSING",
  ]);
});
