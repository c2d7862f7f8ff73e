import test from "ava";
import { OrderState } from "#gen/souk/order/v1/order_pb.ts";
import { RefundState } from "#gen/souk/order/v1/refund_pb.ts";
import { ReturnReason, ReturnState } from "#gen/souk/order/v1/return_pb.ts";
import { PaymentState } from "#gen/souk/payment/v1/payment_pb.ts";
import { insist } from "../chaos/insist.ts";
import { afterSaleOf, once } from "./order-after-sale.ts";
import { refusal, shopOf } from "./order-shop.ts";

const shop = shopOf(test);
const DAMAGED = ReturnReason.DAMAGED;

test.serial("money goes back in parts, to the cent, and never more than was taken", async (t) => {
  const { staff, sent } = afterSaleOf(shop());
  const { order } = await sent([3n], 333n);
  const orderId = order.id;
  const items = [{ lineId: order.lines[0]?.id ?? "", quantity: 1n }];
  const first = await staff.refundOrder({ orderId, items, reason: "scratched" }, once());
  t.like(first.refund, { state: RefundState.SUCCEEDED, reason: "scratched" });
  t.is(first.refund?.amount?.minor, 333n);
  t.is((await shop().payment(orderId)).state, PaymentState.PARTIALLY_REFUNDED);
  const tooMuch = { minor: order.captured?.minor ?? 0n, currency: "EUR" };
  const refused = await refusal(staff.refundOrder({ orderId, amount: tooMuch }, once()));
  t.like(refused, { reason: "REFUND_EXCEEDED" });
  t.is(refused.metadata["left_minor"], String(tooMuch.minor - 333n));
  const dollars = staff.refundOrder({ orderId, amount: { minor: 1n, currency: "USD" } }, once());
  t.is((await refusal(dollars)).reason, "CURRENCY_MISMATCH");

  const rest = await staff.refundOrder({ orderId }, once());
  t.deepEqual(rest.order?.refunded, order.captured);
  t.is((await shop().payment(orderId)).state, PaymentState.REFUNDED);
  t.is((await refusal(staff.refundOrder({ orderId }, once()))).reason, "REFUND_EXCEEDED");
  t.deepEqual(
    rest.order?.invoices.map(({ number }) => number.slice(0, 1)),
    ["R", "G", "G"],
  );
});

test.serial("the lines and shipping of an order, refunded one by one, come to what was taken", async (t) => {
  const { staff, sent } = afterSaleOf(shop());
  const { order } = await sent([3n, 2n], 601n);
  let refunded = 0n;
  for (const { id: lineId, quantity } of order.lines) {
    for (let piece = 0n; piece < quantity; piece++) {
      const items = [{ lineId, quantity: 1n }];
      const { refund } = await staff.refundOrder({ orderId: order.id, items }, once());
      refunded += refund?.amount?.minor ?? 0n;
    }
  }
  const shipping = await staff.refundOrder({ orderId: order.id, refundShipping: true }, once());
  t.deepEqual(shipping.refund?.shipping, order.shipping);
  t.deepEqual(refunded + (shipping.refund?.amount?.minor ?? 0n), order.total?.minor ?? 0n);
  t.deepEqual(shipping.order?.refunded, order.total);
});

test.serial(
  "of 50 refunds at once as many succeed as there is money, and one key is one refund",
  async (t) => {
    const { staff, sent } = afterSaleOf(shop());
    const { order } = await sent([1n], 6_000n);
    const amount = { minor: 1_000n, currency: "EUR" };
    const key = once();
    const calls = await Promise.allSettled(
      Array.from({ length: 50 }, (_, index) => {
        const own = index < 10 ? key : once();
        return insist(() => staff.refundOrder({ orderId: order.id, amount }, own));
      }),
    );
    const refunds = new Set<string>();
    for (const it of calls) {
      if (it.status === "fulfilled") refunds.add(it.value.refund?.id ?? "");
      else t.is(it.reason.reason, "REFUND_EXCEEDED");
    }
    t.is(refunds.size, 6);
    const payment = await shop().payment(order.id);
    t.is(payment.refunded?.minor, 6_000n);
    t.is(payment.refunds.length, 6);
  },
);

test.serial("an order of which nothing was taken gives nothing back", async (t) => {
  const { staff, order: place } = afterSaleOf(shop());
  const { order } = await place([1n]);
  t.is((await refusal(staff.refundOrder({ orderId: order.id }, once()))).reason, "REFUND_EXCEEDED");
});

test.serial("a part of what shipping cost goes back together with pieces that cost nothing", async (t) => {
  const { staff } = afterSaleOf(shop());
  const ada = await shop().customer();
  await ada.add(await shop().offer(1_000n));
  await ada.add(await shop().offer(0n, 5));
  const { order } = await staff.shipOrder({ orderId: (await ada.place()).id }, once());
  const items = [{ lineId: order?.lines[1]?.id ?? "", quantity: 1n }];
  const amount = { minor: 100n, currency: "EUR" };
  const request = { orderId: order?.id ?? "", items, refundShipping: true, amount };
  const { refund } = await staff.refundOrder(request, once());
  t.is(refund?.shipping?.minor, 100n);
  t.deepEqual(
    refund?.lines.map((line) => [line.quantity, line.amount?.minor]),
    [[1n, 0n]],
  );
});

test.serial(
  "what cost nothing comes back like anything else, and nothing is given back for it",
  async (t) => {
    const { staff } = afterSaleOf(shop());
    const ada = await shop().customer();
    await ada.add(await shop().offer(1_000n));
    const gift = await shop().offer(0n, 5);
    await ada.add(gift, 2n);
    const { order } = await staff.shipOrder({ orderId: (await ada.place()).id }, once());
    const lineId = order?.lines[1]?.id ?? "";
    const items = [{ lineId, quantity: 2n, reason: DAMAGED }];
    const { return: asked } = await ada.orders.requestReturn({ orderId: order?.id ?? "", items }, once());
    const id = asked?.id ?? "";
    await staff.approveReturn({ id });
    const received = [{ lineId, restocked: 1n, writtenOff: 1n }];
    const { return: back, order: now } = await staff.receiveReturn({ id, items: received });
    t.is(back?.state, ReturnState.RECEIVED);
    t.like(now?.lines[1], { returned: 2n });
    t.like(now, { refunds: [], captured: order?.captured });
    t.deepEqual(await shop().stock(gift), [4, 0]);
  },
);

test.serial(
  "goods come back: asked for, approved, received, restocked or written off, and paid back",
  async (t) => {
    const { staff, sent } = afterSaleOf(shop());
    const { ada, order, variants } = await sent([3n], 2_000n);
    const lineId = order.lines[0]?.id ?? "";
    const items = [{ lineId, quantity: 2n, reason: DAMAGED }];
    const asked = await ada.orders.requestReturn(
      { orderId: order.id, items, note: "the shade is broken" },
      once(),
    );
    t.like(asked.return, { state: ReturnState.REQUESTED, note: "the shade is broken" });
    const id = asked.return?.id ?? "";
    const received = [{ lineId, restocked: 1n, writtenOff: 1n }];
    const tooEarly = await refusal(staff.receiveReturn({ id, items: received }));
    t.is(tooEarly.reason, "RETURN_STATE_CONFLICT");
    const tooMany = [{ lineId, quantity: 2n, reason: DAMAGED }];
    const twice = ada.orders.requestReturn({ orderId: order.id, items: tooMany }, once());
    t.is((await refusal(twice)).reason, "QUANTITY_EXCEEDED");
    const approved = await staff.approveReturn({ id, instructions: "Use the label." });
    t.like(approved.return, { state: ReturnState.APPROVED, instructions: "Use the label." });
    t.deepEqual(await staff.approveReturn({ id }), approved);
    const nothing = await refusal(staff.receiveReturn({ id, items: [{ lineId }] }));
    t.is(nothing.reason, "INVALID_REQUEST");
    t.regex(nothing.message, /^items /);
    const dollars = { id, items: received, refundAmount: { minor: 100n, currency: "USD" } };
    t.is((await refusal(staff.receiveReturn(dollars))).reason, "CURRENCY_MISMATCH");

    const answers = await Promise.all(
      Array.from({ length: 5 }, () => staff.receiveReturn({ id, items: received })),
    );
    for (const answer of answers) t.deepEqual(answer, answers[0]);
    t.is(answers[0]?.return?.state, ReturnState.RECEIVED);
    t.is(answers[0]?.order?.refunded?.minor, 4_000n);
    t.is(answers[0]?.order?.state, OrderState.SHIPPED);
    t.is(answers[0]?.order?.lines[0]?.returned, 2n);
    t.is((await shop().payment(order.id)).refunded?.minor, 4_000n);
    t.deepEqual(await shop().stock(variants[0] ?? ""), [8, 0]);

    const last = await ada.orders.requestReturn(
      { orderId: order.id, items: [{ lineId, quantity: 1n, reason: DAMAGED }] },
      once(),
    );
    const lastId = last.return?.id ?? "";
    await staff.approveReturn({ id: lastId });
    const all = await staff.receiveReturn({
      id: lastId,
      items: [{ lineId, restocked: 1n }],
      refundShipping: true,
    });
    t.is(all.order?.state, OrderState.RETURNED);
    t.deepEqual(all.order?.refunded, order.captured);
  },
);

test.serial("a return that is withdrawn or rejected leaves its pieces to be sent back later", async (t) => {
  const { staff, sent } = afterSaleOf(shop());
  const { ada, order } = await sent([1n]);
  const items = [{ lineId: order.lines[0]?.id ?? "", quantity: 1n, reason: ReturnReason.UNWANTED }];
  const ask = async () =>
    (await ada.orders.requestReturn({ orderId: order.id, items }, once())).return?.id ?? "";
  const withdrawn = await ask();
  const bob = await shop().customer();
  t.is((await refusal(bob.orders.cancelReturn({ id: withdrawn }))).reason, "RETURN_NOT_FOUND");
  t.is((await ada.orders.cancelReturn({ id: withdrawn })).return?.state, ReturnState.CANCELLED);
  const rejected = await ask();
  const { return: told } = await staff.rejectReturn({ id: rejected, reason: "worn" });
  t.like(told, { state: ReturnState.REJECTED, rejectReason: "worn" });
  t.is((await refusal(ada.orders.cancelReturn({ id: rejected }))).reason, "RETURN_STATE_CONFLICT");
  t.not(await ask(), "");
});

test.serial(
  "goods that cannot be booked where staff says give no money back, and can be booked elsewhere",
  async (t) => {
    const { staff, sent } = afterSaleOf(shop());
    const { ada, order } = await sent([1n]);
    const lineId = order.lines[0]?.id ?? "";
    const asked = await ada.orders.requestReturn(
      { orderId: order.id, items: [{ lineId, quantity: 1n, reason: DAMAGED }] },
      once(),
    );
    const id = asked.return?.id ?? "";
    await staff.approveReturn({ id });
    const items = [{ lineId, restocked: 1n }];
    const nowhere = await refusal(staff.receiveReturn({ id, items, locationId: order.id }));
    t.is(nowhere.reason, "RETURN_NOT_BOOKED");
    t.is((await shop().payment(order.id)).refunded?.minor ?? 0n, 0n);
    const { order: now } = await staff.receiveReturn({
      id,
      items,
      refundAmount: { minor: 0n, currency: "EUR" },
    });
    t.like(now, { state: OrderState.RETURNED });
    t.is(now?.refunded?.minor, 0n);
  },
);

test.serial("what was not sent cannot come back", async (t) => {
  const { order: place } = afterSaleOf(shop());
  const { ada, order } = await place([1n]);
  const items = [{ lineId: order.lines[0]?.id ?? "", quantity: 1n, reason: DAMAGED }];
  const error = await refusal(ada.orders.requestReturn({ orderId: order.id, items }, once()));
  t.is(error.reason, "ORDER_NOT_RETURNABLE");
});
