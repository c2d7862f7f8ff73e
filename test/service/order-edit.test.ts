import test from "ava";
import { type Order, OrderState } from "#gen/souk/order/v1/order_pb.ts";
import { PromotionService } from "#gen/souk/order/v1/promotion_pb.ts";
import { TimelineKind } from "#gen/souk/order/v1/timeline_pb.ts";
import { PaymentState } from "#gen/souk/payment/v1/payment_pb.ts";
import { insist } from "../chaos/insist.ts";
import { afterSaleOf, once } from "./order-after-sale.ts";
import { ADDRESS, refusal, shopOf } from "./order-shop.ts";

const shop = shopOf(test);
const paymentToken = "tok_visa";

/** What payment says was taken and given back of the payments of an order. */
async function movedOf({ payments }: Order): Promise<[captured: bigint, refunded: bigint]> {
  const all = await Promise.all(payments.map(({ paymentId }) => shop().payment(paymentId)));
  const sum = (amounts: readonly (bigint | undefined)[]) =>
    amounts.reduce<bigint>((left, it = 0n) => left + it, 0n);
  return [sum(all.map(({ captured }) => captured?.minor)), sum(all.map(({ refunded }) => refunded?.minor))];
}

test.serial(
  "an order is edited before it is sent: lines, stock and total change together, and are paid together",
  async (t) => {
    const { staff, order: place } = afterSaleOf(shop());
    const { ada, order, variants } = await place([3n, 1n], 2_500n);
    const [first, second] = order.lines.map(({ id }) => id) as [string, string];
    const added = await shop().offer(1_000n, 10);
    const change = {
      orderId: order.id,
      lines: [
        { lineId: first, quantity: 5n },
        { lineId: second, quantity: 0n },
      ],
      addedLines: [{ variantId: added.toUpperCase(), quantity: 2n, note: "as a gift" }],
      reason: "the customer called",
      etag: order.etag,
    };
    const tried = await staff.editOrder({ ...change, validateOnly: true }, once());
    t.is(tried.order?.subtotal?.minor, 14_500n);
    t.deepEqual((await ada.orders.getOrder({ id: order.id })).order, order);

    const expectedDifference = tried.difference;
    const edited = await staff.editOrder({ ...change, paymentToken, expectedDifference }, once());
    const { order: now } = edited;
    t.deepEqual(edited.difference, tried.difference);
    t.is((now?.total?.minor ?? 0n) - (order.total?.minor ?? 0n), edited.difference?.minor ?? 0n);
    t.is(now?.state, OrderState.CONFIRMED);
    t.deepEqual(
      now?.lines.map(({ variantId, quantity, note }) => [variantId, quantity, note]),
      [
        [variants[0] ?? "", 5n, ""],
        [added, 2n, "as a gift"],
      ],
    );
    t.is(now?.lines[0]?.id, first);
    t.deepEqual(await shop().stock(variants[0] ?? ""), [5, 5]);
    t.deepEqual(await shop().stock(variants[1] ?? ""), [10, 0]);
    t.deepEqual(await shop().stock(added), [8, 2]);
    t.deepEqual(
      now?.payments.map(({ amount }) => amount?.minor),
      [order.total?.minor, edited.difference?.minor],
    );
    t.is(now?.paymentId, order.id);
    t.is((await shop().payment(now?.payments[1]?.paymentId ?? "")).state, PaymentState.AUTHORIZED);
    const { entries } = await ada.orders.listOrderTimeline({ orderId: order.id, pageSize: 1 });
    t.like(entries[0], { kind: TimelineKind.EDITED, referenceId: now?.payments[1]?.paymentId ?? "" });
    t.regex(entries[0]?.text ?? "", /5 × Thing instead of 3; 2 × Thing added; .*the customer called/s);

    const items = [{ lineId: first, quantity: 5n }];
    const partial = await staff.shipOrder({ orderId: order.id, items }, once());
    t.is(partial.shipment?.captured?.minor, 12_500n + (now?.shipping?.minor ?? 0n));
    const { order: sent } = await staff.shipOrder({ orderId: order.id }, once());
    t.is(sent?.state, OrderState.SHIPPED);
    t.deepEqual(sent?.captured, now?.total);
    t.deepEqual(await movedOf(sent as Order), [now?.total?.minor ?? 0n, 0n]);
    t.deepEqual(
      sent?.invoices.reduce((sum, { total }) => sum + (total?.minor ?? 0n), 0n),
      now?.total?.minor,
    );
    t.deepEqual(await shop().stock(variants[0] ?? ""), [5, 0]);
    t.deepEqual(await shop().stock(added), [8, 0]);
  },
);

test.serial("an order that costs less is paid less, and what was set aside more is free again", async (t) => {
  const { staff, order: place } = afterSaleOf(shop());
  const { order, variants } = await place([3n], 2_500n);
  const lineId = order.lines[0]?.id ?? "";
  const less = await staff.editOrder({ orderId: order.id, lines: [{ lineId, quantity: 1n }] }, once());
  t.true((less.difference?.minor ?? 0n) < 0n);
  t.deepEqual(await shop().stock(variants[0] ?? ""), [9, 1]);
  // It comes to no more than what is set aside already, so that nothing has to be paid with.
  const more = await staff.editOrder({ orderId: order.id, lines: [{ lineId, quantity: 2n }] }, once());
  t.is(more.order?.payments.length, 1);
  const { order: sent } = await staff.shipOrder({ orderId: order.id }, once());
  t.deepEqual(sent?.captured, more.order?.total);
  const payment = await shop().payment(order.id);
  t.deepEqual(payment.captured, more.order?.total);
  t.is(payment.authorizationExpireTime, undefined);
  t.deepEqual(await shop().stock(variants[0] ?? ""), [8, 0]);
});

test.serial("an edit that cannot be is refused with the reason, and changes nothing", async (t) => {
  const { staff, order: place } = afterSaleOf(shop());
  const { order, variants } = await place([2n, 1n]);
  const orderId = order.id;
  const lineId = order.lines[0]?.id ?? "";
  const dollars = shop().catalogue.offer(100n, "USD");
  const scarce = await shop().offer(100n, 1);
  const add = (variantId: string, quantity: bigint) => ({ addedLines: [{ variantId, quantity }] });
  const change = (quantity: bigint) => ({ lines: [{ lineId, quantity }] });
  const money = (minor: bigint, currency: string) => ({ expectedDifference: { minor, currency } });
  const reasons: [string, Parameters<typeof staff.editOrder>[0]][] = [
    ["NOTHING_TO_CHANGE", { lines: [] }],
    ["NOTHING_TO_CHANGE", { ...change(2n), shippingAddress: ADDRESS, shippingMethod: "standard" }],
    ["LINE_NOT_FOUND", { lines: [{ lineId: orderId, quantity: 1n }] }],
    ["ORDER_NOT_EDITABLE", { lines: order.lines.map(({ id }) => ({ lineId: id, quantity: 0n })) }],
    ["ETAG_MISMATCH", { ...change(1n), etag: "0" }],
    ["CURRENCY_MISMATCH", add(dollars, 1n)],
    ["CURRENCY_MISMATCH", { ...change(1n), ...money(-2_500n, "USD") }],
    ["DIFFERENCE_CHANGED", { ...change(1n), ...money(-1n, "EUR") }],
    ["VARIANT_NOT_FOUND", add(orderId, 1n)],
    ["CART_TOO_LARGE", { ...change(1_000n), paymentToken }],
    ["SHIPPING_METHOD_UNAVAILABLE", { shippingMethod: "pigeon" }],
    ["PAYMENT_MISSING", change(3n)],
    ["PAYMENT_DECLINED", { ...change(3n), paymentToken: "tok_declined" }],
    ["OUT_OF_STOCK", { ...add(scarce, 2n), paymentToken }],
    ["INVALID_REQUEST", { lines: [change(1n), change(1n)].flatMap(({ lines }) => lines) }],
    ["ORDER_NOT_FOUND", { ...change(1n), orderId: lineId }],
  ];
  for (const [reason, request] of reasons) {
    t.is((await refusal(staff.editOrder({ orderId, ...request }, once()))).reason, reason);
  }
  t.deepEqual((await staff.getOrderForStaff({ id: orderId })).order, order);
  t.deepEqual(await shop().stock(variants[0] ?? ""), [8, 2]);
  t.deepEqual(await shop().stock(scarce), [1, 0]);

  const items = [{ lineId, quantity: 1n }];
  await staff.shipOrder({ orderId, items }, once());
  const late = await refusal(staff.editOrder({ orderId, ...change(1n) }, once()));
  t.like(late, { reason: "ORDER_NOT_EDITABLE", metadata: { order_id: orderId, state: "PARTIALLY_SHIPPED" } });
});

test.serial("of 50 who edit the same order at once one does, and one key is one edit", async (t) => {
  const { staff, order: place } = afterSaleOf(shop());
  const { order, variants } = await place([1n]);
  const request = {
    orderId: order.id,
    lines: [{ lineId: order.lines[0]?.id ?? "", quantity: 3n }],
    paymentToken,
  };
  const key = once();
  const calls = await Promise.allSettled(
    Array.from({ length: 50 }, (_, index) =>
      insist(() => staff.editOrder(request, index % 2 === 0 ? key : once())),
    ),
  );
  const { order: now } = await staff.getOrderForStaff({ id: order.id });
  t.is(now?.payments.length, 2);
  t.is(now?.lines[0]?.quantity, 3n);
  t.deepEqual(await shop().stock(variants[0] ?? ""), [7, 3]);
  for (const it of calls) {
    if (it.status === "fulfilled") t.deepEqual(it.value.order, now);
    else t.is(it.reason.reason, "NOTHING_TO_CHANGE");
  }
});

test.serial("an order that goes elsewhere pays the taxes and the shipping of there", async (t) => {
  const { staff, order: place } = afterSaleOf(shop());
  const { order } = await place([2n], 10_000n);
  const shippingAddress = { ...ADDRESS, city: "Wien", postalCode: "1010", countryCode: "AT" };
  const { order: now } = await staff.editOrder({ orderId: order.id, shippingAddress, paymentToken }, once());
  t.like(now?.shippingAddress, shippingAddress);
  t.deepEqual(
    now?.taxes.map(({ ratePpm }) => ratePpm),
    [200_000],
  );
  t.deepEqual(now?.subtotal, order.subtotal);
});

test.serial(
  "an edited order keeps the promotions that it was placed with, as they were, and no others",
  async (t) => {
    const { staff } = afterSaleOf(shop());
    const promotions = shop().mesh.as(PromotionService);
    const terms = (ratePpm: number) => ({
      displayName: "From 5 on",
      couponCodes: ["FROMFIVE"],
      conditions: { minQuantity: 5n },
      usageLimit: 1n,
      effect: { case: "percentageOff" as const, value: { ratePpm } },
    });
    const { promotion } = await promotions.createPromotion({ terms: terms(100_000) });
    const ada = await shop().customer();
    await ada.add(await shop().offer(1_000n, 20), 5n);
    await ada.cart.applyCoupon({ code: "FROMFIVE" });
    const order = await ada.place();
    t.is(order.discounts[0]?.amount?.minor, 500n);
    await promotions.updatePromotion({
      id: promotion?.id ?? "",
      terms: terms(500_000),
      updateMask: { paths: ["percentage_off"] },
    });
    const edit = async (quantity: bigint) => {
      const lines = [{ lineId: order.lines[0]?.id ?? "", quantity }];
      return (await staff.editOrder({ orderId: order.id, lines, paymentToken }, once())).order;
    };
    t.is((await edit(8n))?.discounts[0]?.amount?.minor, 800n);
    t.deepEqual((await edit(4n))?.discounts, []);
    t.is((await edit(10n))?.discounts[0]?.amount?.minor, 1_000n);
    t.deepEqual((await edit(4n))?.discounts, []);
    const used = async () => (await promotions.getPromotion({ id: promotion?.id ?? "" })).promotion?.used;
    t.is(await used(), 1n);
    await ada.orders.cancelOrder({ id: order.id });
    t.is(await used(), 0n);
  },
);

test.serial(
  "what several payments paid is given back over them, to the cent and never more than was taken",
  async (t) => {
    const { staff, order: place } = afterSaleOf(shop());
    const { order, variants } = await place([2n, 1n], 333n);
    const [first, second] = order.lines.map(({ id }) => id) as [string, string];
    const { order: edited } = await staff.editOrder(
      { orderId: order.id, lines: [{ lineId: first, quantity: 6n }], paymentToken },
      once(),
    );
    await staff.cancelOrderItems({ orderId: order.id, items: [{ lineId: second, quantity: 1n }] }, once());
    await staff.shipOrder({ orderId: order.id, items: [{ lineId: first, quantity: 4n }] }, once());
    const { order: sent } = await staff.shipOrder({ orderId: order.id }, once());
    const captured = (edited?.total?.minor ?? 0n) - 333n;
    t.is(sent?.captured?.minor, captured);
    t.deepEqual(await movedOf(sent as Order), [captured, 0n]);
    t.deepEqual(await shop().stock(variants[0] ?? ""), [4, 0]);

    const items = [{ lineId: first, quantity: 5n }];
    const partial = await staff.refundOrder({ orderId: order.id, items }, once());
    t.is(partial.refund?.amount?.minor, 5n * 333n);
    const amount = { minor: captured, currency: "EUR" };
    t.is((await refusal(staff.refundOrder({ orderId: order.id, amount }, once()))).reason, "REFUND_EXCEEDED");
    const all = await staff.refundOrder({ orderId: order.id }, once());
    t.is(all.order?.refunded?.minor, captured);
    t.deepEqual(await movedOf(all.order as Order), [captured, captured]);
    for (const { captured: taken, refunded } of all.order?.payments ?? []) t.deepEqual(refunded, taken);
    t.is(all.order?.payments.length, 2);
  },
);

test.serial(
  "a refund of which a later payment is refused gives back what it can, and the rest stays with the order",
  async (t) => {
    const { staff, order: place } = afterSaleOf(shop());
    const { order } = await place([1n], 10_000n);
    const lineId = order.lines[0]?.id ?? "";
    const edit = { orderId: order.id, lines: [{ lineId, quantity: 2n }], paymentToken: "tok_refund_fails" };
    const { order: edited } = await staff.editOrder(edit, once());
    await staff.shipOrder({ orderId: order.id }, once());
    const items = [{ lineId, quantity: 2n }];
    const { refund, order: now } = await staff.refundOrder({ orderId: order.id, items }, once());
    t.deepEqual(refund?.amount, order.total);
    t.deepEqual(refund?.lines[0]?.amount, order.total);
    t.deepEqual(now?.refunded, order.total);
    const left = (edited?.total?.minor ?? 0n) - (order.total?.minor ?? 0n);
    t.is((now?.captured?.minor ?? 0n) - (now?.refunded?.minor ?? 0n), left);
    t.is((await refusal(staff.refundOrder({ orderId: order.id }, once()))).reason, "REFUND_REFUSED");
    const credit = now?.invoices.at(-1);
    t.deepEqual(credit?.total, order.total);
  },
);

test.serial("an edited order is cancelled with all its payments", async (t) => {
  const { staff, order: place } = afterSaleOf(shop());
  const { ada, order, variants } = await place([1n]);
  const lines = [{ lineId: order.lines[0]?.id ?? "", quantity: 2n }];
  const { order: edited } = await staff.editOrder({ orderId: order.id, lines, paymentToken }, once());
  const { order: cancelled } = await ada.orders.cancelOrder({ id: order.id });
  t.like(cancelled, { state: OrderState.CANCELLED });
  t.deepEqual(cancelled?.cancelled, edited?.total);
  for (const { paymentId } of edited?.payments ?? []) {
    t.is((await shop().payment(paymentId)).state, PaymentState.VOIDED);
  }
  t.deepEqual(await shop().stock(variants[0] ?? ""), [10, 0]);
});

test.serial("what was cancelled of an order before is none of it any more once it is edited", async (t) => {
  const { staff, order: place } = afterSaleOf(shop());
  const { order, variants } = await place([3n, 1n], 6_000n);
  const [first, second] = order.lines.map(({ id }) => id) as [string, string];
  const items = [
    { lineId: first, quantity: 2n },
    { lineId: second, quantity: 1n },
  ];
  await staff.cancelOrderItems({ orderId: order.id, items }, once());
  const { order: now, difference } = await staff.editOrder(
    { orderId: order.id, lines: [{ lineId: first, quantity: 2n }] },
    once(),
  );
  t.is(difference?.minor, 6_000n);
  t.is(now?.cancelled?.minor, 0n);
  t.deepEqual(
    now?.lines.map(({ id, quantity, cancelled }) => [id, quantity, cancelled]),
    [[first, 2n, 0n]],
  );
  t.is(now?.payments.length, 1);
  t.deepEqual(await shop().stock(variants[0] ?? ""), [8, 2]);
  t.deepEqual(await shop().stock(variants[1] ?? ""), [10, 0]);
});
