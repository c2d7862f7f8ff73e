import test from "ava";
import { TimelineKind } from "#gen/souk/order/v1/timeline_pb.ts";
import { afterSaleOf, once } from "./order-after-sale.ts";
import { type Customer, refusal, shopOf } from "./order-shop.ts";

const shop = shopOf(test);

const { CANCELLED, CONFIRMED, EDITED, NOTE, PAYMENT, PLACED, SHIPPED } = TimelineKind;

/** What became of the money of an order, as its customer reads it, the oldest first: in words, and of which payment. */
async function moneyOf({ orders }: Customer, orderId: string): Promise<[text: string, paymentId: string][]> {
  const { entries } = await orders.listOrderTimeline({ orderId });
  return entries
    .filter(({ kind }) => kind === PAYMENT)
    .map(({ text, referenceId }): [string, string] => [text, referenceId])
    .toReversed();
}

test.serial(
  "the timeline tells what happened and who did it, to customers without what staff keeps",
  async (t) => {
    const { staff, order: place } = afterSaleOf(shop());
    const { ada, order } = await place([1n]);
    const orderId = order.id;
    await staff.addOrderNote({ orderId, text: "fragile" }, once());
    await staff.addOrderNote({ orderId, text: "It leaves on Monday.", visibleToCustomer: true }, once());
    await staff.shipOrder({ orderId }, once());
    const told: string[] = [];
    let pageToken = "";
    do {
      const page = await ada.orders.listOrderTimeline({ orderId, pageSize: 2, pageToken });
      told.push(...page.entries.map(({ kind, text }) => (kind === NOTE ? text : String(kind))));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    t.deepEqual(told, [`${SHIPPED}`, `${PAYMENT}`, "It leaves on Monday.", `${CONFIRMED}`, `${PLACED}`]);
    const { entries } = await ada.orders.listOrderTimeline({ orderId });
    t.is(entries.at(-1)?.actorId, ada.id);
    const { notes } = await staff.getOrderForStaff({ id: orderId });
    t.deepEqual(
      notes.map(({ text }) => text),
      ["It leaves on Monday.", "fragile"],
    );
    const bob = await shop().customer();
    t.is((await refusal(bob.orders.listOrderTimeline({ orderId }))).reason, "ORDER_NOT_FOUND");
  },
);

test.serial("it tells what is set aside in addition, taken and set free, payment by payment", async (t) => {
  const { staff, order: place } = afterSaleOf(shop());
  const { ada, order } = await place([2n], 1_000n);
  const orderId = order.id;
  const lineId = order.lines[0]?.id ?? "";
  const { order: edited } = await staff.editOrder(
    { orderId, lines: [{ lineId, quantity: 4n }], paymentToken: "tok_visa" },
    once(),
  );
  const second = edited?.payments[1]?.paymentId ?? "";
  const more: [string, string] = ["EUR 20.00 more was set aside", second];
  t.deepEqual(await moneyOf(ada, orderId), [more]);

  // Shipping, for EUR 4.90, is paid with the first pieces.
  t.is(order.shipping?.minor, 490n);
  await staff.shipOrder({ orderId, items: [{ lineId, quantity: 3n }] }, once());
  const parts: [string, string][] = [
    ["EUR 24.90 was taken", orderId],
    ["EUR 10.00 was taken", second],
  ];
  t.deepEqual(await moneyOf(ada, orderId), [more, ...parts]);

  await staff.cancelOrderItems({ orderId }, once());
  const { entries } = await ada.orders.listOrderTimeline({ orderId });
  t.deepEqual(
    entries.map(({ kind }) => kind),
    [CANCELLED, PAYMENT, SHIPPED, PAYMENT, PAYMENT, EDITED, PAYMENT, CONFIRMED, PLACED],
  );
  t.deepEqual(await moneyOf(ada, orderId), [more, ...parts, ["EUR 10.00 was set free", second]]);
});

test.serial("of an order that is cancelled it tells that all is set free, and who did it", async (t) => {
  const { staff, order: place } = afterSaleOf(shop());
  const { ada, order } = await place([1n], 1_000n);
  await ada.orders.cancelOrder({ id: order.id });
  const { entries } = await ada.orders.listOrderTimeline({ orderId: order.id });
  t.like(entries[1], { kind: PAYMENT, text: "EUR 14.90 was set free", actorId: ada.id });
  const other = await place([1n], 1_000n);
  await staff.cancelOrderItems({ orderId: other.order.id }, once());
  t.deepEqual(await moneyOf(other.ada, other.order.id), [["EUR 14.90 was set free", other.order.id]]);
});

test.serial(
  "who watches an order is told when a note is written to them, and of no other note",
  async (t) => {
    const { staff, order: place } = afterSaleOf(shop());
    const { ada, order } = await place([1n]);
    const orderId = order.id;
    const watch = ada.orders.watchOrder({ id: orderId, etag: order.etag })[Symbol.asyncIterator]();
    const next = watch.next();
    await staff.addOrderNote({ orderId, text: "fragile" }, once());
    t.is((await ada.orders.getOrder({ id: orderId })).order?.etag, order.etag);
    await staff.addOrderNote({ orderId, text: "It leaves on Monday.", visibleToCustomer: true }, once());
    const told = (await next).value?.order;
    t.deepEqual(told, (await ada.orders.getOrder({ id: orderId })).order);
    t.not(told?.etag, order.etag);
    await watch.return?.(undefined);
  },
);
