import { randomUUID } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import { type Order, OrderService } from "#gen/souk/order/v1/order_pb.ts";
import { ReturnReason } from "#gen/souk/order/v1/return_pb.ts";
import { PaymentService } from "#gen/souk/payment/v1/payment_pb.ts";
import { cancelItemsSaga } from "../../services/order/after-sale/cancel-items.ts";
import { receiveReturnSaga } from "../../services/order/after-sale/receive-return.ts";
import { refundOrderSaga } from "../../services/order/after-sale/refund-order.ts";
import { shipOrderSaga } from "../../services/order/after-sale/ship-order.ts";
import { dieAndRepeat, refusedAndRepeated } from "./die-and-repeat.ts";
import { insist } from "./insist.ts";
import { backward, describe, forward } from "./moments.ts";
import type { Customer } from "./shop.ts";
import type { Till } from "./tills.ts";
import { tillsOf } from "./tills-of.ts";

const STOCK = 10;
const QUANTITY = 3n;
/** What a piece of 60.00 costs after the promotion that every order of the shop uses; shipping costs nothing. */
const PRICE = 5_400;
/** A location that is not there. */
const NOWHERE = randomUUID();

const { tills } = tillsOf(test, { variants: 44, stock: STOCK }, { tills: { most: 3 } });

for (const moment of forward(shipOrderSaga)) {
  test(`a shipment whose process is killed ${describe(moment)} is sent and paid once`, (t) =>
    tills.use(moment, async (till) => {
      const sale = await sell(till);
      const order = await dieAndRepeat(t, till, (key) => sale.ship(2n, key));
      t.is(order.shipments.length, 1);
      await agree(t, till, sale, { order: "PARTIALLY_SHIPPED", captured: 2, refunded: 0, level: [7, 1] });
    }));
}

for (const moment of backward(shipOrderSaga, 1)) {
  test(`a shipment that cannot be paid and whose process is killed ${describe(moment)} changes nothing`, (t) =>
    tills.use(moment, async (till) => {
      const sale = await sell(till);
      await till.shop.call(PaymentService, { caller: "order" }).voidPayment({ paymentId: sale.orderId });
      await refusedAndRepeated(t, till, "PAYMENT_NOT_TAKEN", (key) => sale.ship(2n, key));
      await agree(t, till, sale, { order: "CONFIRMED", captured: 0, refunded: 0, level: [7, 3] });
    }));
}

for (const moment of backward(shipOrderSaga, 0)) {
  test(`a shipment of what is not there and whose process is killed ${describe(moment)} changes nothing`, (t) =>
    tills.use(moment, async (till) => {
      const sale = await sell(till);
      const shipFromNowhere = (key: string) => sale.ship(2n, key, NOWHERE);
      await refusedAndRepeated(t, till, "ORDER_NOT_SHIPPABLE", shipFromNowhere);
      await agree(t, till, sale, { order: "CONFIRMED", captured: 0, refunded: 0, level: [7, 3] });
    }));
}

for (const moment of backward(shipOrderSaga, 2)) {
  test(`a shipment that inventory refuses in the end and whose process is killed ${describe(moment)} gives the money back`, (t) =>
    tills.use(moment, async (till) => {
      const sale = await sell(till);
      // No call makes what is final less so; only then can what is set aside not leave.
      await till.shop.ask("inventory", "update reservation set state = 'HELD' where id = $1", [sale.orderId]);
      await refusedAndRepeated(t, till, "ORDER_NOT_SHIPPABLE", (key) => sale.ship(2n, key));
      await agree(t, till, sale, { order: "CONFIRMED", captured: 2, refunded: 2, level: [7, 3] });
    }));
}

for (const moment of forward(cancelItemsSaga)) {
  test(`a partial cancellation whose process is killed ${describe(moment)} goes on to its end`, (t) =>
    tills.use(moment, async (till) => {
      const sale = await sell(till);
      await insist(() => sale.ship(1n, randomUUID()));
      await dieAndRepeat(t, till, (key) => sale.cancel(2n, key));
      await agree(t, till, sale, { order: "SHIPPED", captured: 1, refunded: 0, level: [9, 0] });
    }));
}

for (const moment of backward(cancelItemsSaga, 0)) {
  test(`a cancellation that comes too late and whose process is killed ${describe(moment)} leaves the order`, (t) =>
    tills.use(moment, async (till) => {
      const sale = await sell(till);
      await till.shop.call(PaymentService, { caller: "order" }).capturePayment({ paymentId: sale.orderId });
      await refusedAndRepeated(t, till, "ORDER_NOT_CANCELLABLE", (key) => sale.cancel(3n, key));
      await agree(t, till, sale, { order: "CONFIRMED", captured: 3, refunded: 0, level: [7, 3] });
    }));
}

for (const moment of forward(refundOrderSaga)) {
  test(`a refund whose process is killed ${describe(moment)} is given once`, (t) =>
    tills.use(moment, async (till) => {
      const sale = await sell(till);
      await insist(() => sale.ship(3n, randomUUID()));
      const order = await dieAndRepeat(t, till, (key) => sale.refund(1n, key));
      t.is(order.refunds.length, 1);
      t.is(order.refunded?.minor, BigInt(PRICE));
      await agree(t, till, sale, { order: "SHIPPED", captured: 3, refunded: 1, level: [7, 0] });
    }));
}

for (const moment of backward(refundOrderSaga, 0)) {
  test(`a refund that is refused and whose process is killed ${describe(moment)} leaves nothing behind`, (t) =>
    tills.use(moment, async (till) => {
      const sale = await sell(till);
      await insist(() => sale.ship(3n, randomUUID()));
      const elsewhere = { paymentId: sale.orderId, refundId: randomUUID() };
      await till.shop.call(PaymentService, { caller: "order" }).refundPayment(elsewhere);
      await refusedAndRepeated(t, till, "REFUND_EXCEEDED", (key) => sale.refund(1n, key));
      t.is((await sale.read()).refunded?.minor, 0n);
      await agree(t, till, sale, { order: "SHIPPED", captured: 3, refunded: 3, level: [7, 0] });
    }));
}

for (const moment of forward(receiveReturnSaga)) {
  test(`a return whose process is killed ${describe(moment)} is booked and paid back once`, (t) =>
    tills.use(moment, async (till) => {
      const sale = await sell(till);
      await insist(() => sale.ship(3n, randomUUID()));
      const id = await sale.approvedReturn(2n);
      const order = await dieAndRepeat(t, till, () => sale.receive(id));
      t.is(order.refunds.length, 1);
      await agree(t, till, sale, { order: "SHIPPED", captured: 3, refunded: 2, level: [8, 0] });
    }));
}

for (const moment of backward(receiveReturnSaga, 0)) {
  test(`a return that cannot be booked and whose process is killed ${describe(moment)} can be booked later`, (t) =>
    tills.use(moment, async (till) => {
      const sale = await sell(till);
      await insist(() => sale.ship(3n, randomUUID()));
      const id = await sale.approvedReturn(2n);
      const receive = () => sale.receive(id, NOWHERE);
      await refusedAndRepeated(t, till, "RETURN_NOT_BOOKED", receive);
      await agree(t, till, sale, { order: "SHIPPED", captured: 3, refunded: 0, level: [7, 0] });
      await insist(() => sale.receive(id));
      await agree(t, till, sale, { order: "SHIPPED", captured: 3, refunded: 2, level: [8, 0] });
    }));
}

/** What a test does with an order that it has sold. */
interface Sale {
  readonly orderId: string;
  readonly variantId: string;
  read(): Promise<Order>;
  ship(pieces: bigint, key: string, locationId?: string): Promise<Order>;
  cancel(pieces: bigint, key: string): Promise<Order>;
  refund(pieces: bigint, key: string): Promise<Order>;
  approvedReturn(pieces: bigint): Promise<string>;
  /** Books two pieces of a return: one for sale again, one written off. */
  receive(id: string, locationId?: string): Promise<Order>;
}

/** Sells three pieces of something of which nothing was sold before. */
async function sell(till: Till): Promise<Sale> {
  const customer: Customer = till.shop.customer();
  const variantId = till.newVariant();
  await till.visit(customer).add(variantId, QUANTITY);
  const placeKey = randomUUID();
  const { id: orderId, lines } = await insist(() => till.visit(customer).place(placeKey));
  const lineId = lines[0]?.id ?? "";
  const staff = () => till.shop.call(OrderService, { caller: "operator" }, till.address());
  const orderOf = ({ order }: { order?: Order }) => order as Order;
  return {
    orderId,
    variantId,
    read: async () => orderOf(await insist(() => staff().getOrderForStaff({ id: orderId }))),
    ship: async (quantity, idempotencyKey, locationId = "") =>
      orderOf(
        await staff().shipOrder({ orderId, items: [{ lineId, quantity }], locationId }, { idempotencyKey }),
      ),
    cancel: async (quantity, idempotencyKey) =>
      orderOf(await staff().cancelOrderItems({ orderId, items: [{ lineId, quantity }] }, { idempotencyKey })),
    refund: async (quantity, idempotencyKey) =>
      orderOf(await staff().refundOrder({ orderId, items: [{ lineId, quantity }] }, { idempotencyKey })),
    async approvedReturn(quantity) {
      const items = [{ lineId, quantity, reason: ReturnReason.DAMAGED }];
      const { return: asked } = await till.shop
        .call(OrderService, customer, till.address())
        .requestReturn({ orderId, items }, { idempotencyKey: randomUUID() });
      await staff().approveReturn({ id: asked?.id ?? "" });
      return asked?.id ?? "";
    },
    receive: async (id, locationId = "") =>
      orderOf(
        await staff().receiveReturn({ id, items: [{ lineId, restocked: 1n, writtenOff: 1n }], locationId }),
      ),
  };
}

/** Compares what order, payment, inventory and notification keep, each for itself. */
async function agree(
  t: ExecutionContext,
  till: Till,
  { orderId, variantId }: Sale,
  expected: { order: string; captured: number; refunded: number; level: [number, number] },
): Promise<void> {
  await till.settled();
  const { order, level, told, mails } = await till.read(orderId, variantId);
  const [payment] = await till.shop.ask<{ captured: string; refunded: string }>(
    "payment",
    "select captured_minor as captured, refunded_minor as refunded from payment where id = $1",
    [orderId],
  );
  const [open] = await till.shop.ask<{ changing: string | null; refunding: string }>(
    till.database,
    "select changing, refunding from orders where id = $1",
    [orderId],
  );
  t.deepEqual(
    { order, captured: Number(payment?.captured), refunded: Number(payment?.refunded), level, open },
    {
      ...expected,
      captured: expected.captured * PRICE,
      refunded: expected.refunded * PRICE,
      open: { changing: null, refunding: "0" },
    },
  );
  t.true(told.includes("order-confirmed"));
  t.deepEqual([...new Set(told)], [...told], "nothing is told twice");
  t.is(mails, told.length);
}
