import { randomUUID } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import { OrderState } from "#gen/souk/order/v1/order_pb.ts";
import { PaymentService } from "#gen/souk/payment/v1/payment_pb.ts";
import { SoukError } from "#kit/error.ts";
import { cancelOrderSaga } from "../../services/order/after-sale/cancel-order.ts";
import { placeOrderSaga } from "../../services/order/checkout/place-order.ts";
import { dies, refusedTwice } from "./die-and-repeat.ts";
import { insist } from "./insist.ts";
import { backward, describe, forward } from "./moments.ts";
import type { Visit } from "./shop.ts";
import type { Till } from "./tills.ts";
import { tillsOf } from "./tills-of.ts";

const STOCK = 10;
const QUANTITY = 2n;
const SOLD = [STOCK - Number(QUANTITY), Number(QUANTITY)] as const;
const UNSOLD = [STOCK, 0] as const;

/** For each step of placing an order, how it fails for good. */
const FAILURES: Readonly<
  Record<string, { quantity?: bigint; token?: string; hasty?: boolean; reason: string }>
> = {
  "reserve-stock": { quantity: BigInt(STOCK) + 1n, reason: "OUT_OF_STOCK" },
  "authorize-payment": { token: "tok_declined", reason: "PAYMENT_DECLINED" },
  // The stock is set aside for so short a time that it is given back before it is sold.
  "commit-reservation": { hasty: true, reason: "RESERVATION_RELEASED" },
};

const { tills, hastyTills } = tillsOf(
  test,
  { variants: 60, stock: STOCK },
  { tills: { most: 3 }, hastyTills: { most: 1, env: { ORDER_RESERVATION_MS: "1" } } },
);

for (const moment of forward(placeOrderSaga)) {
  test(`an order whose process is killed ${describe(moment)} is confirmed all the same`, (t) =>
    tills.use(moment, async (till) => {
      const { orderId, variantId } = await placeAndDie(t, till, {}, (order) => {
        t.is(order.state, OrderState.CONFIRMED);
      });
      await till.settled();
      t.deepEqual(await till.read(orderId, variantId), {
        order: "CONFIRMED",
        reservation: "COMMITTED",
        payment: "AUTHORIZED",
        charges: ["authorized"],
        told: ["order-confirmed"],
        mails: 1,
        uses: 1,
        level: SOLD,
      });
    }));
}

for (const [index, { name }] of placeOrderSaga.steps.entries()) {
  const failure = FAILURES[name];
  if (failure === undefined) throw new Error(`say how step ${name} of place-order fails for good`);
  for (const moment of backward(placeOrderSaga, index)) {
    const title = `an order that fails at ${name} and whose process is killed ${describe(moment)} leaves nothing behind`;
    test(title, (t) =>
      (failure.hasty === true ? hastyTills : tills).use(moment, async (till) => {
        const { orderId, variantId } = await placeAndDie(t, till, failure, () => {
          t.fail("it was confirmed");
        });
        await till.settled();
        const { charges, reservation, payment, ...rest } = await till.read(orderId, variantId);
        t.deepEqual(rest, { order: "CANCELLED", told: [], mails: 0, uses: 0, level: UNSOLD });
        t.is(reservation, index === 0 ? undefined : "RELEASED");
        t.is(payment, [undefined, "DECLINED", "VOIDED"][index]);
        t.deepEqual(charges, [[], ["declined"], ["voided"]][index]);
      }),
    );
  }
}

for (const moment of forward(cancelOrderSaga)) {
  test(`a cancellation whose process is killed ${describe(moment)} goes on to its end`, (t) =>
    tills.use(moment, async (till) => {
      const { visitNow, orderId, variantId } = await placed(till);
      await dies(t, till, () => visitNow().cancel(orderId));
      const order = await insist(() => visitNow().cancel(orderId));
      t.is(order.state, OrderState.CANCELLED);
      await till.settled();
      t.deepEqual(await till.read(orderId, variantId), {
        order: "CANCELLED",
        reservation: "RELEASED",
        payment: "VOIDED",
        charges: ["voided"],
        told: ["order-confirmed", "order-cancelled"],
        mails: 2,
        uses: 0,
        level: UNSOLD,
      });
    }));
}

for (const moment of backward(cancelOrderSaga, 0)) {
  test(`a cancellation that comes too late and whose process is killed ${describe(moment)} changes nothing`, (t) =>
    tills.use(moment, async (till) => {
      const { visitNow, orderId, variantId } = await placed(till);
      await till.shop.call(PaymentService, { caller: "order" }).capturePayment({ paymentId: orderId });
      await dies(t, till, () => visitNow().cancel(orderId));
      await refusedTwice(t, "ORDER_NOT_CANCELLABLE", () => visitNow().cancel(orderId));
      await till.settled();
      t.deepEqual(await till.read(orderId, variantId), {
        order: "CONFIRMED",
        reservation: "COMMITTED",
        payment: "CAPTURED",
        charges: ["captured"],
        told: ["order-confirmed"],
        mails: 1,
        uses: 1,
        level: SOLD,
      });
    }));
}

/**
 * Places an order with a till that is killed meanwhile and started again, and asks what became of the order.
 *
 * @param failure how the order fails
 * @param confirmed told of the order when it does not
 */
async function placeAndDie(
  t: ExecutionContext,
  till: Till,
  { quantity = QUANTITY, token, reason = "" }: { quantity?: bigint; token?: string; reason?: string },
  confirmed: (order: Awaited<ReturnType<Visit["place"]>>) => void,
) {
  const { visitNow, variantId } = customerAt(till);
  await visitNow().add(variantId, quantity);
  const key = randomUUID();
  await dies(t, till, () => visitNow().place(key, token));

  // Whoever repeats the call learns how it ended, however often.
  for (const _ of ["the first time", "again"]) {
    try {
      confirmed(await insist(() => visitNow().place(key, token)));
    } catch (error) {
      if (!(error instanceof SoukError) || error.reason !== reason) throw error;
    }
  }
  const orders = await visitNow().orders();
  t.is(orders.length, 1);
  return { orderId: orders[0]?.id ?? "", variantId };
}

/** An order that is confirmed, and of which its customer was told. */
async function placed(till: Till) {
  const { visitNow, variantId } = customerAt(till);
  await visitNow().add(variantId, QUANTITY);
  const key = randomUUID();
  const { id: orderId } = await insist(() => visitNow().place(key));
  await till.settled();
  return { visitNow, orderId, variantId };
}

function customerAt(till: Till) {
  const customer = till.shop.customer();
  const variantId = till.newVariant();
  return { variantId, visitNow: () => till.visit(customer) };
}
