import test from "ava";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { OrderState } from "#gen/souk/order/v1/order_pb.ts";
import { PaymentState } from "#gen/souk/payment/v1/payment_pb.ts";
import { Code, SoukError } from "#kit/error.ts";
import type { SagaMoment } from "#kit/saga/run-saga.ts";
import { eventually } from "../eventually.ts";
import { type Customer, refusal, shopOf } from "./order-shop.ts";

const shop = shopOf(test);

// The hook is the shop's, so these tests run one after the other.
test.serial.afterEach(() => {
  shop().observe = () => {};
});

/** Does something at one moment of the next saga. */
function at(
  step: string,
  phase: SagaMoment["phase"],
  work: (moment: SagaMoment) => unknown,
  times = 1,
): void {
  let left = times;
  shop().observe = async (moment) => {
    if (left === 0 || moment.step !== step || moment.phase !== phase) return;
    left--;
    await work(moment);
  };
}

async function cancelled(customer: Customer, reason: string) {
  return eventually(async () => {
    const [order] = (await customer.orders.listMyOrders({})).orders;
    if (order?.state !== OrderState.CANCELLED) throw new Error(`the order is in state ${order?.state}`);
    if (order.cancelReason !== reason) throw new Error(`the order is cancelled for ${order.cancelReason}`);
    return order;
  });
}

test.serial("what is put into the cart while it is ordered stays there", async (t) => {
  const [lamp, cup] = [await shop().offer(1_000n, 10), await shop().offer(1_000n, 10)];
  const ada = await shop().customer();
  await ada.add(lamp, 2n);
  await ada.add(lamp, 1n, "engraved");
  at("commit-reservation", "before", async () => {
    await ada.add(lamp, 3n);
    await ada.add(cup, 1n);
  });
  const order = await ada.place();
  t.deepEqual(
    order.lines.map(({ quantity, note }) => [quantity, note]),
    [
      [2n, ""],
      [1n, "engraved"],
    ],
  );
  t.deepEqual(await ada.lines(), [
    [lamp, 3n, ""],
    [cup, 1n, ""],
  ]);
});

test.serial(
  "what was added while an order was placed can be ordered at once, and nothing twice",
  async (t) => {
    const lamp = await shop().offer(1_000n, 10);
    const ada = await shop().customer();
    await ada.add(lamp, 2n);
    at("commit-reservation", "before", async () => {
      t.is((await refusal(ada.place())).reason, "CART_EMPTY");
      await ada.add(lamp, 3n);
      t.is((await ada.place()).lines[0]?.quantity, 3n);
      t.deepEqual(await ada.lines(), [[lamp, 2n, ""]]);
    });
    t.is((await ada.place()).lines[0]?.quantity, 2n);
    t.deepEqual(await ada.lines(), []);
    t.deepEqual(await shop().stock(lamp), [5, 5]);
  },
);

test.serial("a line that is removed while it is ordered is ordered, and does not come back", async (t) => {
  const lamp = await shop().offer(1_000n, 10);
  const ada = await shop().customer();
  await ada.add(lamp, 2n);
  at("commit-reservation", "before", () => ada.cart.clearCart({}));
  t.is((await ada.place()).lines[0]?.quantity, 2n);
  t.deepEqual(await ada.lines(), []);
});

test.serial("a payment whose answer was lost is found, not made again", async (t) => {
  const lamp = await shop().offer(1_000n, 10);
  const ada = await shop().customer();
  await ada.add(lamp);
  at("authorize-payment", "after", () => {
    throw new SoukError(Code.UNAVAILABLE, "the answer was lost");
  });
  const order = await ada.place();
  t.is(order.state, OrderState.CONFIRMED);
  t.is((await shop().payment(order.id)).state, PaymentState.AUTHORIZED);
});

test.serial("a reservation that ran out before it was final undoes the order", async (t) => {
  const lamp = await shop().offer(1_000n, 10);
  const ada = await shop().customer();
  await ada.add(lamp, 2n);
  at("commit-reservation", "before", ({ sagaId }) =>
    shop().mesh.as(InventoryService, "order").releaseReservation({ reservationId: sagaId }),
  );
  t.is((await refusal(ada.place())).reason, "RESERVATION_RELEASED");
  const order = await cancelled(ada, "RESERVATION_RELEASED");
  t.is((await shop().payment(order.id)).state, PaymentState.VOIDED);
  t.deepEqual(await shop().stock(lamp), [10, 0]);
  t.deepEqual(await ada.lines(), [[lamp, 2n, ""]]);
});

test.serial(
  "an order whose undoing fails is undone later, and until then its items are not ordered again",
  async (t) => {
    const lamp = await shop().offer(1_000n, 10);
    const ada = await shop().customer();
    await ada.add(lamp, 2n);
    let undone = 0;
    const released = Promise.withResolvers<void>();
    shop().observe = async ({ step, phase, direction }) => {
      if (step === "commit-reservation") throw new SoukError(Code.FAILED_PRECONDITION, "no");
      if (step !== "authorize-payment" || direction !== "undo" || phase !== "before") return;
      undone++;
      if (undone > 1) await released.promise;
      if (undone < 3) throw new Error("payment is away");
    };
    t.is((await refusal(ada.place())).code, Code.FAILED_PRECONDITION);
    const [pending] = (await ada.orders.listMyOrders({})).orders;
    t.is(pending?.state, OrderState.PENDING);
    t.is((await refusal(ada.place())).reason, "CART_EMPTY");
    t.is((await refusal(ada.orders.cancelOrder({ id: pending?.id }))).reason, "ORDER_NOT_CANCELLABLE");
    released.resolve();
    await cancelled(ada, "FAILED_PRECONDITION");
    t.true(undone >= 3);
    t.is((await shop().payment(pending?.id ?? "")).state, PaymentState.VOIDED);
    t.deepEqual(await shop().stock(lamp), [10, 0]);
    shop().observe = () => {};
    t.is((await ada.place()).state, OrderState.CONFIRMED);
  },
);

test.serial("what is free is ordered without a payment, and cancelled without one", async (t) => {
  const ada = await shop().customer();
  await ada.add(await shop().offer(0n), 3n);
  const order = await ada.place({ token: "tok_declined", shippingMethod: "pick-up" });
  t.like(order, { state: OrderState.CONFIRMED, total: { minor: 0n } });
  t.is((await ada.orders.cancelOrder({ id: order.id })).order?.state, OrderState.CANCELLED);
});

test.serial("a cancellation goes on until payment answers", async (t) => {
  const lamp = await shop().offer(1_000n, 10);
  const ada = await shop().customer();
  await ada.add(lamp, 2n);
  const order = await ada.place();
  at(
    "void-payment",
    "after",
    () => {
      throw new SoukError(Code.UNAVAILABLE, "the answer was lost");
    },
    5,
  );
  t.is((await ada.orders.cancelOrder({ id: order.id })).order?.state, OrderState.CANCELLED);
  t.is((await shop().payment(order.id)).state, PaymentState.VOIDED);
  t.deepEqual(await shop().stock(lamp), [10, 0]);
});

test.serial("a payment that hangs is given up in time, and nothing of the order remains", async (t) => {
  const lamp = await shop().offer(1_000n, 10);
  const ada = await shop().customer();
  await ada.add(lamp, 2n);
  // Where it is not given up in time, the call ends with its deadline.
  const error = await refusal(ada.place({ token: "tok_timeout" }));
  t.is(error.reason, "PAYMENT_UNAVAILABLE");
  t.is(error.code, Code.UNAVAILABLE);
  const order = await cancelled(ada, "PAYMENT_UNAVAILABLE");
  t.is((await shop().payment(order.id)).state, PaymentState.VOIDED);
  t.deepEqual(await shop().stock(lamp), [10, 0]);
  t.deepEqual(await ada.lines(), [[lamp, 2n, ""]]);
});
