import test from "ava";
import pg from "pg";
import { type Order, OrderState } from "#gen/souk/order/v1/order_pb.ts";
import { RefundState } from "#gen/souk/order/v1/refund_pb.ts";
import { TimelineKind } from "#gen/souk/order/v1/timeline_pb.ts";
import { StoreCreditService } from "#gen/souk/payment/v1/store_credit_pb.ts";
import { afterSaleOf, once } from "./order-after-sale.ts";
import { refusal, shopOf } from "./order-shop.ts";

const shop = shopOf(test);
const PRICE = 2_000n;

/** A piece that was sent, paid with a card that takes nothing back, and is exchanged for a cheaper one. */
async function exchanged(other: bigint) {
  const { staff } = afterSaleOf(shop());
  const ada = await shop().customer();
  await ada.add(await shop().offer(PRICE, 10));
  const order = await ada.place({ token: "tok_refund_fails" });
  await staff.shipOrder({ orderId: order.id }, once());
  const lineId = order.lines[0]?.id ?? "";
  const { replacement, ...answer } = await staff.exchangeOrder(
    {
      orderId: order.id,
      returnedItems: [{ lineId, quantity: 1n }],
      sentLines: [{ variantId: await shop().offer(other, 10), quantity: 1n }],
      shipBeforeReceipt: true,
    },
    once(),
  );
  const receipt = { id: answer.return?.id ?? "", items: [{ lineId, restocked: 1n }] };
  return { ada, order, id: replacement?.id ?? "", receive: () => staff.receiveReturn(receipt) };
}

const read = async (id: string) => (await afterSaleOf(shop()).staff.getOrderForStaff({ id })).order as Order;

/** What an order says of the payment that it was exchanged for, and of all its money. */
function moneyIn({ payments: [first], captured, refunded, invoices }: Order) {
  return {
    payment: [first?.amount?.minor, first?.captured?.minor, first?.refunded?.minor, first?.restRefused],
    order: [captured?.minor, refunded?.minor],
    invoices: invoices.map(({ total }) => total?.minor),
  };
}

/** What payment says was given back of a payment. */
const refundedOf = async (paymentId: string) => (await shop().payment(paymentId)).refunded?.minor;

for (const first of ["the goods are back", "the cheaper ones are sent"]) {
  test.serial(
    `what a provider refuses to give back of an exchange when first ${first} goes back as store credit, once`,
    async (t) => {
      const { staff } = afterSaleOf(shop());
      const { ada, order, id, receive } = await exchanged(500n);
      const ship = () => staff.shipOrder({ orderId: id }, once());
      for (const step of first === "the goods are back" ? [receive, ship] : [ship, receive]) await step();
      const kept = await read(id);
      t.like(kept, { state: OrderState.SHIPPED });
      t.deepEqual(moneyIn(kept), { payment: [PRICE, 500n, 0n, true], order: [500n, 0n], invoices: [500n] });
      const { entries } = await staff.listOrderTimeline({ orderId: id });
      t.regex(entries.find(({ kind }) => kind === TimelineKind.PAYMENT)?.text ?? "", /refused .*15\.00/);

      t.is((await refusal(staff.refundOrder({ orderId: id }, once()))).reason, "REFUND_REFUSED");
      t.deepEqual(moneyIn(await read(id)), moneyIn(kept));
      const asCredit = (minor?: bigint) => {
        const amount = minor === undefined ? {} : { amount: { minor, currency: "EUR" } };
        return staff.refundOrder({ orderId: id, toStoreCredit: true, ...amount }, once());
      };
      const tooMuch = await refusal(asCredit(PRICE + 1n));
      t.is(tooMuch.metadata["left_minor"], String(PRICE));
      // The rest goes first, and is no credit for what was sent.
      const some = await asCredit(1_000n);
      t.deepEqual(moneyIn(some.order as Order), {
        payment: [1_000n, 500n, 0n, true],
        order: [500n, 0n],
        invoices: [500n],
      });
      const asked = await Promise.allSettled([asCredit(), asCredit(), asCredit()]);
      const given = asked.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
      t.deepEqual(
        given.map(({ refund }) => refund?.amount?.minor),
        [1_000n],
      );
      t.deepEqual(moneyIn(await read(id)), {
        payment: [500n, 500n, 500n, false],
        order: [500n, 500n],
        invoices: [500n, 500n],
      });
      t.is((await refusal(asCredit())).reason, "REFUND_EXCEEDED");
      const { balances } = await shop().mesh.as(StoreCreditService).getStoreCredit({ accountId: ada.id });
      t.deepEqual([balances[0]?.minor, await refundedOf(order.id)], [PRICE, PRICE]);
    },
  );
}

test.serial(
  "a cancelled order whose goods were paid with others gives that back once the provider lets it",
  async (t) => {
    const { staff } = afterSaleOf(shop());
    const { ada, order, id, receive } = await exchanged(PRICE);
    await receive();
    await ada.orders.cancelOrder({ id });
    const kept = { payment: [PRICE, 0n, 0n, true], order: [0n, 0n], invoices: [] };
    const cancelled = await read(id);
    t.is(cancelled.state, OrderState.CANCELLED);
    t.deepEqual(moneyIn(cancelled), kept);
    const shipping = staff.refundOrder({ orderId: id, refundShipping: true }, once());
    t.is((await refusal(shipping)).reason, "REFUND_EXCEEDED");
    const refund = () => staff.refundOrder({ orderId: id }, once());
    t.is((await refusal(refund())).reason, "REFUND_REFUSED");
    t.deepEqual(moneyIn(await read(id)), kept);

    const books = new pg.Client({ connectionString: shop().mesh.env["PAYMENT_DATABASE_URL"] });
    await books.connect();
    await books.query("update sandbox.charge set refunds_fail = false where idempotency_key = $1", [
      order.id,
    ]);
    await books.end();
    const { order: now } = await refund();
    t.deepEqual(moneyIn(now as Order), { payment: [0n, 0n, 0n, false], order: [0n, 0n], invoices: [] });
    const states = [RefundState.FAILED, RefundState.SUCCEEDED];
    t.deepEqual(
      (await read(id)).refunds.map(({ state }) => state),
      states,
    );
    t.is(await refundedOf(order.id), PRICE);
    t.is((await refusal(refund())).reason, "REFUND_EXCEEDED");
  },
);

test.serial(
  "a payment that the provider refuses does not keep the others of its order from going back",
  async (t) => {
    const { staff } = afterSaleOf(shop());
    const ada = await shop().customer();
    await ada.add(await shop().offer(10_000n, 10));
    const { id: orderId, lines, total } = await ada.place({ token: "tok_refund_fails" });
    const more = [{ lineId: lines[0]?.id ?? "", quantity: 2n }];
    const { order: edited } = await staff.editOrder(
      { orderId, lines: more, paymentToken: "tok_visa" },
      once(),
    );
    const [first, second] = (edited?.payments ?? []).map(({ paymentId }) => paymentId);
    await staff.shipOrder({ orderId }, once());
    const refund = (minor?: bigint) => {
      const amount = minor === undefined ? {} : { amount: { minor, currency: "EUR" } };
      return staff.refundOrder({ orderId, ...amount }, once());
    };
    const refunded = async () => [await refundedOf(first ?? ""), await refundedOf(second ?? "")];
    t.is((await refusal(refund(3_000n))).reason, "REFUND_REFUSED");
    await refund(3_000n);
    t.deepEqual(await refunded(), [0n, 3_000n]);
    // What is refused of the later one does not go, and stays with the order.
    t.is((await refund()).refund?.amount?.minor, 7_000n);
    t.deepEqual(await refunded(), [0n, 10_000n]);
    await staff.refundOrder({ orderId, toStoreCredit: true }, once());
    t.deepEqual(await refunded(), [total?.minor, 10_000n]);
    t.is((await refusal(refund())).reason, "REFUND_EXCEEDED");
  },
);
