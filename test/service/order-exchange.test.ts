import test from "ava";
import { type Order, OrderState } from "#gen/souk/order/v1/order_pb.ts";
import { PromotionService } from "#gen/souk/order/v1/promotion_pb.ts";
import { RefundState } from "#gen/souk/order/v1/refund_pb.ts";
import { ReturnReason, ReturnState } from "#gen/souk/order/v1/return_pb.ts";
import { TimelineKind } from "#gen/souk/order/v1/timeline_pb.ts";
import { insist } from "../chaos/insist.ts";
import { afterSaleOf, once } from "./order-after-sale.ts";
import { refusal, shopOf } from "./order-shop.ts";

const shop = shopOf(test);
const paymentToken = "tok_visa";

/** What payment says was taken and given back of a payment. */
async function movedOf(paymentId: string): Promise<[captured: bigint, refunded: bigint]> {
  const { captured, refunded } = await shop().payment(paymentId);
  return [captured?.minor ?? 0n, refunded?.minor ?? 0n];
}

/** An order of two pieces that was sent, and a request to exchange one of them for something else. */
async function sold(minor = 2_000n, other = minor) {
  const { sent } = afterSaleOf(shop());
  const placed = await sent([2n], minor);
  const instead = await shop().offer(other, 10);
  const lineId = placed.order.lines[0]?.id ?? "";
  const request = {
    orderId: placed.order.id,
    returnedItems: [{ lineId, quantity: 1n }],
    sentLines: [{ variantId: instead, quantity: 1n }],
  };
  return { ...placed, lineId, instead, request };
}

const read = async (id: string) => (await afterSaleOf(shop()).staff.getOrderForStaff({ id })).order as Order;

test.serial(
  "goods are exchanged for others of the same price: they come back, the others are sent, no money moves",
  async (t) => {
    const { staff } = afterSaleOf(shop());
    const { ada, order, variants, lineId, instead, request } = await sold();
    const { replacement, difference, ...answer } = await staff.exchangeOrder(
      { ...request, expectedDifference: { minor: 0n, currency: "EUR" }, reason: "too small" },
      once(),
    );
    const returnId = answer.return?.id ?? "";
    const newId = replacement?.id ?? "";
    t.is(difference?.minor, 0n);
    t.like(answer.return, { state: ReturnState.APPROVED, exchangeOrderId: newId, note: "too small" });
    t.like(replacement, { state: OrderState.CONFIRMED, exchangeOfOrderId: order.id, customerId: ada.id });
    t.is(replacement?.shipping?.minor, 0n);
    t.deepEqual(
      replacement?.payments.map(({ paymentId, amount, exchanged }) => [paymentId, amount?.minor, exchanged]),
      [[order.id, 2_000n, true]],
    );
    t.like(answer.order?.refunds[0], { state: RefundState.PENDING, exchangeOrderId: newId });
    t.deepEqual(await shop().stock(instead), [9, 1]);
    const { entries } = await ada.orders.listOrderTimeline({ orderId: order.id, pageSize: 2 });
    t.true(entries.some(({ kind }) => kind === TimelineKind.EXCHANGED));

    t.is((await refusal(staff.shipOrder({ orderId: newId }, once()))).reason, "ORDER_NOT_SHIPPABLE");
    const { order: back } = await staff.receiveReturn({ id: returnId, items: [{ lineId, restocked: 1n }] });
    t.is(back?.refunded?.minor, 2_000n);
    t.is(back?.refunds[0]?.state, RefundState.SUCCEEDED);
    t.is(back?.invoices.at(-1)?.total?.minor, 2_000n);
    t.deepEqual(await shop().stock(variants[0] ?? ""), [9, 0]);
    const { order: sent } = await staff.shipOrder({ orderId: newId }, once());
    t.is(sent?.state, OrderState.SHIPPED);
    t.is(sent?.captured?.minor, 2_000n);
    t.deepEqual(await shop().stock(instead), [9, 0]);
    t.deepEqual(await movedOf(order.id), [order.total?.minor ?? 0n, 0n]);

    // What was sent instead is paid with money of the first order, which goes back as any other.
    const { order: refunded } = await staff.refundOrder({ orderId: newId }, once());
    t.is(refunded?.refunded?.minor, 2_000n);
    t.deepEqual(await movedOf(order.id), [order.total?.minor ?? 0n, 2_000n]);
    const left = (order.total?.minor ?? 0n) - 2_000n;
    const { refund } = await staff.refundOrder({ orderId: order.id }, once());
    t.is(refund?.amount?.minor, left);
    t.deepEqual(await movedOf(order.id), [order.total?.minor ?? 0n, order.total?.minor ?? 0n]);
  },
);

test.serial(
  "dearer goods are paid by the first payment and one more, can be sent before the others are back, and exchanged again",
  async (t) => {
    const { staff } = afterSaleOf(shop());
    const { ada, order, request, instead } = await sold(2_000n, 3_500n);
    const dearer = { ...request, shipBeforeReceipt: true };
    t.like(await refusal(staff.exchangeOrder(dearer, once())), {
      reason: "PAYMENT_MISSING",
      metadata: { order_id: order.id, missing_minor: "1500", currency: "EUR" },
    });
    const { replacement, difference } = await staff.exchangeOrder({ ...dearer, paymentToken }, once());
    const newId = replacement?.id ?? "";
    t.is(difference?.minor, 1_500n);
    const { order: sent } = await staff.shipOrder({ orderId: newId }, once());
    t.is(sent?.captured?.minor, 3_500n);
    t.deepEqual(await movedOf(newId), [1_500n, 0n]);
    t.deepEqual(await movedOf(order.id), [order.total?.minor ?? 0n, 0n]);
    t.is(sent?.invoices[0]?.total?.minor, 3_500n);

    const lineId = sent?.lines[0]?.id ?? "";
    const third = await shop().offer(3_500n, 10);
    const again = await staff.exchangeOrder(
      {
        orderId: newId,
        returnedItems: [{ lineId, quantity: 1n }],
        sentLines: [{ variantId: third, quantity: 1n }],
      },
      once(),
    );
    t.is(again.difference?.minor, 0n);
    t.deepEqual(
      again.replacement?.payments.map(({ paymentId, amount }) => [paymentId, amount?.minor]),
      [
        [order.id, 2_000n],
        [newId, 1_500n],
      ],
    );
    await staff.receiveReturn({ id: again.return?.id ?? "", items: [{ lineId, writtenOff: 1n }] });
    t.deepEqual(await shop().stock(instead), [9, 0]);
    const lastId = again.replacement?.id ?? "";
    await staff.shipOrder({ orderId: lastId }, once());
    const items = [
      { lineId: again.replacement?.lines[0]?.id ?? "", quantity: 1n, reason: ReturnReason.UNWANTED },
    ];
    const { return: asked } = await ada.orders.requestReturn({ orderId: lastId, items }, once());
    await staff.approveReturn({ id: asked?.id ?? "" });
    const { order: last } = await staff.receiveReturn({
      id: asked?.id ?? "",
      items: [{ lineId: items[0]?.lineId ?? "", restocked: 1n }],
    });
    t.is(last?.refunded?.minor, 3_500n);
    t.deepEqual(await movedOf(newId), [1_500n, 1_500n]);
    t.deepEqual(await movedOf(order.id), [order.total?.minor ?? 0n, 2_000n]);
  },
);

test.serial("for cheaper goods money is given back when they are sent", async (t) => {
  const { staff } = afterSaleOf(shop());
  const { order, lineId, request } = await sold(2_000n, 500n);
  const { replacement, difference, ...answer } = await staff.exchangeOrder(request, once());
  t.is(difference?.minor, -1_500n);
  await staff.receiveReturn({ id: answer.return?.id ?? "", items: [{ lineId, restocked: 1n }] });
  t.deepEqual(await movedOf(order.id), [order.total?.minor ?? 0n, 0n]);
  const { order: sent } = await staff.shipOrder({ orderId: replacement?.id ?? "" }, once());
  t.is(sent?.captured?.minor, 500n);
  t.is(sent?.payments[0]?.amount?.minor, 500n);
  t.deepEqual(await movedOf(order.id), [order.total?.minor ?? 0n, 1_500n]);
});

test.serial(
  "goods that were free are exchanged for nothing, and others for what they cost more",
  async (t) => {
    const { staff } = afterSaleOf(shop());
    const effect = { case: "percentageOff" as const, value: { ratePpm: 1_000_000 } };
    const terms = { displayName: "A gift", couponCodes: ["GIFT"], effect };
    await shop().mesh.as(PromotionService).createPromotion({ terms });
    const ada = await shop().customer();
    await ada.add(await shop().offer(2_000n, 10), 3n);
    await ada.cart.applyCoupon({ code: "GIFT" });
    const order = await ada.place();
    await staff.shipOrder({ orderId: order.id }, once());
    const before = await read(order.id);
    const lineId = order.lines[0]?.id ?? "";
    const exchange = async (minor: bigint) => {
      const sentLines = [{ variantId: await shop().offer(minor, 10), quantity: 1n }];
      const returnedItems = [{ lineId, quantity: 1n }];
      return staff.exchangeOrder({ orderId: order.id, returnedItems, sentLines, paymentToken }, once());
    };
    const { replacement, difference, ...answer } = await exchange(2_000n);
    t.is(difference?.minor, 0n);
    t.like(replacement, { state: OrderState.CONFIRMED, total: { minor: 0n }, payments: [] });
    await staff.receiveReturn({ id: answer.return?.id ?? "", items: [{ lineId, restocked: 1n }] });
    const { order: sent } = await staff.shipOrder({ orderId: replacement?.id ?? "" }, once());
    t.like(sent, { state: OrderState.SHIPPED, captured: { minor: 0n } });
    const dearer = await exchange(2_500n);
    t.deepEqual([dearer.difference?.minor, dearer.replacement?.total?.minor], [500n, 500n]);
    await ada.orders.cancelOrder({ id: dearer.replacement?.id ?? "" });
    t.is((await exchange(2_000n)).difference?.minor, 0n);
    t.is((await refusal(exchange(2_000n))).reason, "QUANTITY_EXCEEDED");
    const now = await read(order.id);
    t.deepEqual(
      [now.captured, now.refunded, now.invoices],
      [before.captured, before.refunded, before.invoices],
    );
  },
);

test.serial("what promotions took off goods, they take off what is sent instead", async (t) => {
  const { staff } = afterSaleOf(shop());
  await shop()
    .mesh.as(PromotionService)
    .createPromotion({
      terms: {
        displayName: "Two for less",
        couponCodes: ["TWOFORLESS"],
        conditions: { minQuantity: 2n },
        effect: { case: "percentageOff", value: { ratePpm: 100_000 } },
      },
    });
  const ada = await shop().customer();
  const instead = await shop().offer(2_000n, 10);
  await ada.add(await shop().offer(2_000n, 10), 2n);
  await ada.cart.applyCoupon({ code: "TWOFORLESS" });
  const order = await ada.place();
  await staff.shipOrder({ orderId: order.id }, once());
  const exchange = {
    orderId: order.id,
    returnedItems: [{ lineId: order.lines[0]?.id ?? "", quantity: 1n }],
    sentLines: [{ variantId: instead, quantity: 1n }],
  };
  const { replacement, difference } = await staff.exchangeOrder(exchange, once());
  t.is(difference?.minor, 0n);
  t.like(replacement?.discounts[0], { displayName: "Two for less", couponCode: "TWOFORLESS" });
  t.is(replacement?.total?.minor, 1_800n);
});

test.serial(
  "an exchange is taken back with the order that replaces the goods, until they are back; afterwards the money is given back",
  async (t) => {
    const { staff } = afterSaleOf(shop());
    const { ada, order, lineId, request, instead } = await sold(2_000n, 2_500n);
    const { replacement, ...first } = await staff.exchangeOrder({ ...request, paymentToken }, once());
    const returnId = first.return?.id ?? "";
    t.is((await refusal(ada.orders.cancelReturn({ id: returnId }))).reason, "RETURN_STATE_CONFLICT");
    const some = staff.receiveReturn({ id: returnId, items: [{ lineId, restocked: 0n, writtenOff: 0n }] });
    t.is((await refusal(some)).reason, "RETURN_NOT_BOOKED");
    const { order: gone } = await ada.orders.cancelOrder({ id: replacement?.id ?? "" });
    t.like(gone, { state: OrderState.CANCELLED });
    t.deepEqual(await shop().stock(instead), [10, 0]);
    t.is((await read(order.id)).refunded?.minor, 0n);
    t.deepEqual((await read(order.id)).refunds, []);
    t.deepEqual(await movedOf(order.id), [order.total?.minor ?? 0n, 0n]);
    // The goods come back as any others now.
    const { return: rejected } = await staff.rejectReturn({ id: returnId, reason: "they never came" });
    t.is(rejected?.exchangeOrderId, "");

    const again = await staff.exchangeOrder({ ...request, paymentToken }, once());
    const items = [{ lineId, restocked: 1n }];
    await staff.receiveReturn({ id: again.return?.id ?? "", items });
    await staff.cancelOrderItems({ orderId: again.replacement?.id ?? "" }, once());
    t.is((await read(order.id)).refunded?.minor, 2_000n);
    t.deepEqual(await movedOf(order.id), [order.total?.minor ?? 0n, 2_000n]);
    t.deepEqual(await movedOf(again.replacement?.id ?? ""), [0n, 0n]);
  },
);

test.serial("an exchange that cannot be is refused with the reason, and changes nothing", async (t) => {
  const { staff, order: place } = afterSaleOf(shop());
  const { order, lineId, instead, request } = await sold();
  const { order: unsent } = await place([1n]);
  const scarce = await shop().offer(2_000n, 1);
  const pieces = (quantity: bigint) => [{ lineId, quantity }];
  const dollars = shop().catalogue.offer(100n, "USD");
  const reasons: [string, Parameters<typeof staff.exchangeOrder>[0]][] = [
    ["QUANTITY_EXCEEDED", { returnedItems: pieces(3n) }],
    ["LINE_NOT_FOUND", { returnedItems: [{ lineId: order.id, quantity: 1n }] }],
    ["ORDER_NOT_RETURNABLE", { orderId: unsent.id }],
    ["ORDER_NOT_FOUND", { orderId: lineId }],
    ["VARIANT_NOT_FOUND", { sentLines: [{ variantId: order.id, quantity: 1n }] }],
    ["CURRENCY_MISMATCH", { sentLines: [{ variantId: dollars, quantity: 1n }] }],
    ["OUT_OF_STOCK", { sentLines: [{ variantId: scarce, quantity: 2n }], paymentToken }],
    ["PAYMENT_DECLINED", { sentLines: [{ variantId: instead, quantity: 2n }], paymentToken: "tok_declined" }],
    ["DIFFERENCE_CHANGED", { expectedDifference: { minor: 1n, currency: "EUR" } }],
  ];
  for (const [reason, change] of reasons) {
    t.is((await refusal(staff.exchangeOrder({ ...request, ...change }, once()))).reason, reason);
  }
  const now = await read(order.id);
  t.deepEqual(
    [now.returns, now.refunds, now.refunded, now.payments],
    [[], [], order.refunded, order.payments],
  );
  t.deepEqual(await shop().stock(instead), [10, 0]);
  t.deepEqual(await shop().stock(scarce), [1, 0]);
  t.is(
    (await staff.exchangeOrder({ ...request, returnedItems: pieces(2n) }, once())).difference?.minor,
    -2_000n,
  );
});

test.serial("of 50 exchanges of the same goods at once as many succeed as there are pieces", async (t) => {
  const { staff } = afterSaleOf(shop());
  const { order, instead, request } = await sold();
  const key = once();
  const calls = await Promise.allSettled(
    Array.from({ length: 50 }, (_, index) =>
      insist(() => staff.exchangeOrder(request, index % 2 === 0 ? key : once())),
    ),
  );
  const made = new Set<string>();
  for (const it of calls) {
    if (it.status === "fulfilled") made.add(it.value.replacement?.id ?? "");
    else t.is(it.reason.reason, "QUANTITY_EXCEEDED");
  }
  t.is(made.size, 2);
  t.deepEqual(await shop().stock(instead), [8, 2]);
  t.is((await read(order.id)).returns.length, 2);
});
