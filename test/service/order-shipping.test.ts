import { timestampNow } from "@bufbuild/protobuf/wkt";
import test from "ava";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { OrderState } from "#gen/souk/order/v1/order_pb.ts";
import { PromotionService } from "#gen/souk/order/v1/promotion_pb.ts";
import { ShipmentState } from "#gen/souk/order/v1/shipment_pb.ts";
import { PaymentService, PaymentState } from "#gen/souk/payment/v1/payment_pb.ts";
import { insist } from "../chaos/insist.ts";
import { afterSaleOf, once } from "./order-after-sale.ts";
import { refusal, shopOf } from "./order-shop.ts";

const shop = shopOf(test);

test.serial("an order that is sent in parts is paid part by part, and to the cent", async (t) => {
  const { staff, order: place } = afterSaleOf(shop());
  const { ada, order, variants } = await place([3n, 1n], 333n);
  const [first, second] = order.lines.map(({ id }) => id) as [string, string];

  const tracking = { carrier: "DHL", trackingNumber: "0034", trackingUri: "https://example.com/0034" };
  const partial = await staff.shipOrder(
    { orderId: order.id, items: [{ lineId: first, quantity: 2n }], ...tracking },
    once(),
  );
  t.is(partial.order?.state, OrderState.PARTIALLY_SHIPPED);
  t.like(partial.shipment, { ...tracking, state: ShipmentState.SENT });
  t.is(partial.shipment?.captured?.minor, 2n * 333n + (order.shipping?.minor ?? 0n));
  t.is((await shop().payment(order.id)).state, PaymentState.PARTIALLY_CAPTURED);
  t.deepEqual(await shop().stock(variants[0] ?? ""), [7, 1]);

  const rest = await staff.shipOrder({ orderId: order.id }, once());
  t.is(rest.order?.state, OrderState.SHIPPED);
  t.deepEqual(
    rest.shipment?.lines.map(({ lineId, quantity }) => [lineId, quantity]),
    [
      [first, 1n],
      [second, 1n],
    ],
  );
  t.is(rest.order?.captured?.minor, order.total?.minor);
  const payment = await shop().payment(order.id);
  t.is(payment.state, PaymentState.CAPTURED);
  t.is(payment.captured?.minor, order.total?.minor);
  t.deepEqual(await shop().stock(variants[0] ?? ""), [7, 0]);
  t.deepEqual(await shop().stock(variants[1] ?? ""), [9, 0]);

  const seen = (await ada.orders.getOrder({ id: order.id })).order;
  t.deepEqual(seen, rest.order);
  t.deepEqual(
    seen?.invoices.map(({ total }) => total?.minor).reduce((sum = 0n, it = 0n) => sum + it, 0n),
    order.total?.minor,
  );
});

test.serial("what is not there to be sent is refused, and changes nothing", async (t) => {
  const { staff, order: place } = afterSaleOf(shop());
  const { order } = await place([2n]);
  const lineId = order.lines[0]?.id ?? "";
  const orderId = order.id;
  const tooMany = staff.shipOrder({ orderId, items: [{ lineId, quantity: 3n }] }, once());
  t.like(await refusal(tooMany), {
    reason: "QUANTITY_EXCEEDED",
    metadata: { left: "2", asked: "3", line_id: lineId },
  });
  const unknown = staff.shipOrder({ orderId, items: [{ lineId: orderId, quantity: 1n }] }, once());
  t.is((await refusal(unknown)).reason, "LINE_NOT_FOUND");
  t.is((await refusal(staff.shipOrder({ orderId, etag: "0" }, once()))).reason, "ETAG_MISMATCH");
  t.is((await refusal(staff.shipOrder({ orderId: lineId }, once()))).reason, "ORDER_NOT_FOUND");
  const { order: now } = await staff.getOrderForStaff({ id: orderId });
  t.deepEqual(now, order);
  await staff.shipOrder({ orderId }, once());
  t.is((await refusal(staff.shipOrder({ orderId }, once()))).reason, "ORDER_NOT_SHIPPABLE");
});

test.serial(
  "of those who send the same at once one does, and the same call again is the same shipment",
  async (t) => {
    const { staff, order: place } = afterSaleOf(shop());
    const { order, variants } = await place([2n]);
    const key = once();
    const again = await Promise.allSettled(
      [...Array.from({ length: 5 }, () => key), ...Array.from({ length: 5 }, once)].map((own) =>
        insist(() => staff.shipOrder({ orderId: order.id }, own)),
      ),
    );
    const { order: now } = await staff.getOrderForStaff({ id: order.id });
    t.is(now?.shipments.length, 1);
    t.deepEqual(await shop().stock(variants[0] ?? ""), [8, 0]);
    t.is((await shop().payment(order.id)).captures.length, 1);
    for (const it of again) {
      if (it.status === "fulfilled") t.is(it.value.shipment?.id, now?.shipments[0]?.id);
      else t.is(it.reason.reason, "ORDER_NOT_SHIPPABLE");
    }
  },
);

test.serial("money that cannot be taken keeps the goods, and the order can be sent later", async (t) => {
  const { staff, order: place } = afterSaleOf(shop());
  const { order, variants } = await place([2n]);
  await shop().mesh.as(PaymentService, "order").voidPayment({ paymentId: order.id });
  const error = await refusal(staff.shipOrder({ orderId: order.id }, once()));
  t.like(error, { reason: "PAYMENT_NOT_TAKEN" });
  t.deepEqual(await shop().stock(variants[0] ?? ""), [8, 2]);
  const { order: now } = await staff.getOrderForStaff({ id: order.id });
  t.is(now?.state, OrderState.CONFIRMED);
  t.deepEqual(now?.shipments, []);
});

test.serial(
  "what waits for stock is not paid before it can be sent, and is sent when it has come",
  async (t) => {
    const { staff } = afterSaleOf(shop());
    const stockroom = shop().mesh.as(InventoryService);
    const variantId = await shop().offer(1_000n, 1);
    await stockroom.setStockPolicy({ variantId, backOrderable: true });
    const ada = await shop().customer();
    await ada.add(variantId, 3n);
    const { id: orderId } = await ada.place();
    t.like(await refusal(staff.shipOrder({ orderId }, once())), {
      reason: "ORDER_NOT_SHIPPABLE",
      metadata: { variant_id: variantId, available: "1", requested: "3" },
    });
    t.like(await shop().payment(orderId), { captures: [], refunds: [] });
    await stockroom.adjustStock({ variantId, delta: 2n, reason: "delivery" }, once());
    const { order } = await staff.shipOrder({ orderId }, once());
    t.is(order?.state, OrderState.SHIPPED);
    t.deepEqual(order?.captured, order?.total);
  },
);

test.serial(
  "no money is taken for goods that are not at the place named, and they are sent when they are there",
  async (t) => {
    const { staff, order: place } = afterSaleOf(shop());
    const stockroom = shop().mesh.as(InventoryService);
    const { order, variants } = await place([2n]);
    const [variantId = ""] = variants;
    const location = { displayName: "Attic", active: true };
    const locationId = (await stockroom.createLocation({ location })).location?.id ?? "";
    const deliver = () =>
      stockroom.adjustStock({ variantId, locationId, delta: 1n, reason: "found" }, once());
    await deliver();
    const send = (from: string) => staff.shipOrder({ orderId: order.id, locationId: from }, once());
    t.like(await refusal(send(locationId)), {
      reason: "ORDER_NOT_SHIPPABLE",
      metadata: { variant_id: variantId, location_id: locationId, available: "1", requested: "2" },
    });
    t.is((await refusal(send(order.id))).reason, "ORDER_NOT_SHIPPABLE");
    t.like(await shop().payment(order.id), { state: PaymentState.AUTHORIZED, captures: [], refunds: [] });
    t.deepEqual(await shop().stock(variantId), [8, 2]);
    await deliver();
    t.is((await send(locationId)).order?.state, OrderState.SHIPPED);
    t.deepEqual((await shop().payment(order.id)).captured, order.total);
    t.deepEqual(await shop().stock(variantId), [10, 0]);
  },
);

test.serial(
  "of two orders that are sent from a place with the goods of one, the other is not paid and is sent later",
  async (t) => {
    const { staff } = afterSaleOf(shop());
    const stockroom = shop().mesh.as(InventoryService);
    const variantId = await shop().offer(1_000n, 10);
    const location = { displayName: "Attic", active: true };
    const locationId = (await stockroom.createLocation({ location })).location?.id ?? "";
    await stockroom.adjustStock({ variantId, locationId, delta: 2n, reason: "found" }, once());
    const orders = await Promise.all(
      [1, 2, 3, 4].map(async () => {
        const customer = await shop().customer();
        await customer.add(variantId, 2n);
        return customer.place();
      }),
    );
    const sent = await Promise.allSettled(
      orders.map(({ id: orderId }) => insist(() => staff.shipOrder({ orderId, locationId }, once()))),
    );
    t.is(sent.filter(({ status }) => status === "fulfilled").length, 1);
    for (const [index, { id }] of orders.entries()) {
      const payment = await shop().payment(id);
      t.deepEqual(payment.refunds, []);
      if (sent[index]?.status === "fulfilled") continue;
      t.deepEqual(payment.captures, []);
      const { order } = await staff.shipOrder({ orderId: id }, once());
      t.deepEqual(order?.captured, order?.total);
    }
    t.deepEqual(await shop().stock(variantId), [4, 0]);
  },
);

test.serial(
  "a piece of what several promotions make free is sent for nothing, and the rest cancelled",
  async (t) => {
    const promotions = shop().mesh.as(PromotionService);
    const effects = {
      MOST: { case: "percentageOff" as const, value: { ratePpm: 900_000 } },
      REST: { case: "amountOff" as const, value: { amounts: [{ minor: 1_000n, currency: "EUR" }] } },
    };
    const ada = await shop().customer();
    await ada.add(await shop().offer(496n, 10), 7n);
    for (const [code, effect] of Object.entries(effects)) {
      await promotions.createPromotion({ terms: { displayName: code, couponCodes: [code], effect } });
      await ada.cart.applyCoupon({ code });
    }
    const { staff } = afterSaleOf(shop());
    const { id: orderId, lines, total } = await ada.place();
    const forShipping = 490n;
    t.is(total?.minor, forShipping);
    const { order: sent } = await staff.shipOrder(
      { orderId, items: [{ lineId: lines[0]?.id ?? "", quantity: 1n }] },
      once(),
    );
    t.like(sent, { state: OrderState.PARTIALLY_SHIPPED, captured: { minor: forShipping } });
    t.is(sent?.invoices[0]?.total?.minor, forShipping);
    const { order: cancelled } = await staff.cancelOrderItems({ orderId, items: [] }, once());
    t.like(cancelled, { state: OrderState.SHIPPED, cancelled: { minor: 0n } });
  },
);

test.serial("carriers tell of a shipment, and the order has arrived with the last one", async (t) => {
  const { staff, order: place } = afterSaleOf(shop());
  const { ada, order } = await place([2n]);
  const items = [{ lineId: order.lines[0]?.id ?? "", quantity: 1n }];
  const shipped = [
    await staff.shipOrder({ orderId: order.id, items }, once()),
    await staff.shipOrder({ orderId: order.id, items }, once()),
  ];
  const [first = "", second = ""] = shipped.map(({ shipment }) => shipment?.id);
  const changed = await staff.updateShipment({
    id: first,
    carrier: "UPS",
    trackingNumber: "not in the mask",
    updateMask: { paths: ["carrier"] },
    etag: "1",
  });
  t.like(changed.shipment, { carrier: "UPS", trackingNumber: "", etag: "2" });
  const stale = staff.updateShipment({ id: first, updateMask: { paths: ["carrier"] }, etag: "1" });
  t.is((await refusal(stale)).reason, "ETAG_MISMATCH");

  const uri = staff.updateShipment({
    id: first,
    trackingUri: "javascript:alert(1)",
    updateMask: { paths: ["tracking_uri"] },
  });
  t.is((await refusal(uri)).reason, "INVALID_REQUEST");

  const { createTime = timestampNow() } = order;
  for (const seconds of [createTime.seconds - 1n, createTime.seconds + 86_400n]) {
    const wrong = staff.markShipmentDelivered({ id: second, deliveryTime: { seconds } });
    const { reason, message } = await refusal(wrong);
    t.is(reason, "INVALID_REQUEST");
    t.regex(message, /^delivery_time /);
  }
  const { shipment } = await staff.markShipmentDelivered({ id: second });
  t.is(shipment?.state, ShipmentState.DELIVERED);
  t.is((await ada.orders.getOrder({ id: order.id })).order?.state, OrderState.SHIPPED);
  await staff.markShipmentDelivered({ id: first });
  t.is((await ada.orders.getOrder({ id: order.id })).order?.state, OrderState.DELIVERED);
  t.deepEqual((await staff.markShipmentDelivered({ id: second })).shipment, shipment);
  t.is((await refusal(staff.markShipmentDelivered({ id: order.id }))).reason, "SHIPMENT_NOT_FOUND");
});

test.serial(
  "some of an order is cancelled, the rest is sent, and no more money stays set aside",
  async (t) => {
    const { staff, order: place } = afterSaleOf(shop());
    const { order, variants } = await place([3n, 1n], 333n);
    const [first, second] = order.lines.map(({ id }) => id) as [string, string];
    const { order: less } = await staff.cancelOrderItems(
      {
        orderId: order.id,
        items: [
          { lineId: first, quantity: 1n },
          { lineId: second, quantity: 1n },
        ],
      },
      once(),
    );
    t.is(less?.state, OrderState.CONFIRMED);
    t.is(less?.cancelled?.minor, 666n);
    t.deepEqual(await shop().stock(variants[0] ?? ""), [8, 2]);
    t.deepEqual(await shop().stock(variants[1] ?? ""), [10, 0]);
    const { order: sent } = await staff.shipOrder({ orderId: order.id }, once());
    t.is(sent?.state, OrderState.SHIPPED);
    const payment = await shop().payment(order.id);
    t.is(payment.captured?.minor, (order.total?.minor ?? 0n) - 666n);
    t.deepEqual(payment.authorizationExpireTime, undefined);
  },
);

test.serial("cancelling all items of an order is cancelling it", async (t) => {
  const { staff, order: place } = afterSaleOf(shop());
  const { ada, order, variants } = await place([3n]);
  const { order: cancelled } = await staff.cancelOrderItems(
    { orderId: order.id, reason: "sold out" },
    once(),
  );
  t.like(cancelled, { state: OrderState.CANCELLED, cancelReason: "sold out" });
  t.is(cancelled?.cancelled?.minor, order.total?.minor);
  t.deepEqual(await shop().stock(variants[0] ?? ""), [10, 0]);
  t.is((await shop().payment(order.id)).state, PaymentState.VOIDED);
  t.is((await ada.orders.cancelOrder({ id: order.id })).order?.state, OrderState.CANCELLED);
});
