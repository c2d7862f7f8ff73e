import { randomUUID } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import { uuidv7 } from "uuidv7";
import { type Order, OrderState } from "#gen/souk/order/v1/order_pb.ts";
import { GiftCardService } from "#gen/souk/payment/v1/gift_card_pb.ts";
import { Code, SoukError } from "#kit/error.ts";
import { money } from "#kit/money.ts";
import { completePaymentSaga } from "../../services/order/checkout/complete-payment.ts";
import { giveUpPaymentSaga } from "../../services/order/checkout/give-up-payment.ts";
import { placeOrderSaga } from "../../services/order/checkout/place-order.ts";
import { eventually } from "../eventually.ts";
import { dies, refusedTwice } from "./die-and-repeat.ts";
import { insist } from "./insist.ts";
import { backward, describe, forward, type Moment } from "./moments.ts";
import type { Till } from "./tills.ts";
import { tillsOf } from "./tills-of.ts";

const STOCK = 10;
const QUANTITY = 2n;
const SOLD = [STOCK - Number(QUANTITY), Number(QUANTITY)] as const;
const UNSOLD = [STOCK, 0] as const;
const RETURN_URI = "http://localhost:3000/back";
/** How long orders of hasty tills wait for their customers, in ms. */
const HASTE_MS = 1_000;

/** The moments from which on it matters that the payment has to be confirmed. */
const PLACING = forward(placeOrderSaga).filter(({ step }) => step !== "reserve-stock");
/** Those of a confirmation; its first steps do nothing unless they are undone. */
const CONFIRMING = forward(completePaymentSaga).filter(
  ({ step }) => step !== "release-stock" && step !== "void-payment",
);
const CONFIRM_STEP = completePaymentSaga.steps.findIndex(({ name }) => name === "confirm-payment");

const { tills, hastyTills } = tillsOf(
  test,
  { variants: 40, stock: STOCK },
  { tills: { most: 2 }, hastyTills: { most: 1, env: { ORDER_CONFIRM_PAYMENT_MS: String(HASTE_MS) } } },
);

for (const moment of PLACING) {
  test(`an order that has to be confirmed and whose process is killed ${describe(moment)} waits, and is confirmed once`, (t) =>
    tills.use(moment, async (till) => {
      const sale = await preparedSale(till, "tok_3ds");
      await dies(t, till, sale.place);
      const id = await placed(t, sale);
      t.is((await insist(() => sale.complete(id))).state, OrderState.CONFIRMED);
      await agree(t, till, sale, id, "AUTHORIZED");
    }));
}

for (const moment of CONFIRMING) {
  test(`an order whose payment is confirmed and whose process is killed ${describe(moment)} is confirmed once`, (t) =>
    tills.use(moment, async (till) => {
      const sale = await preparedSale(till, "tok_3ds");
      const id = await placed(t, sale);
      await dies(t, till, () => sale.complete(id));
      for (const _ of ["the first time", "again"]) {
        t.is((await insist(() => sale.complete(id))).state, OrderState.CONFIRMED);
      }
      await agree(t, till, sale, id, "AUTHORIZED");
    }));
}

for (const moment of backward(completePaymentSaga, CONFIRM_STEP)) {
  test(`an order whose payment is refused and whose process is killed ${describe(moment)} leaves nothing behind`, (t) =>
    tills.use(moment, async (till) => {
      const sale = await preparedSale(till, "tok_3ds_refused");
      const id = await placed(t, sale);
      await dies(t, till, () => sale.complete(id));
      await refusedTwice(t, "PAYMENT_DECLINED", () => sale.complete(id));
      await agree(t, till, sale, id, "DECLINED");
    }));
}

for (const moment of forward(giveUpPaymentSaga)) {
  test(`an order that is given up and whose process is killed ${describe(moment)} leaves nothing behind`, (t) =>
    tills.use(moment, async (till) => {
      const sale = await preparedSale(till, "tok_3ds_waiting");
      const id = await placed(t, sale);
      await dies(t, till, () => sale.complete(id, true));
      t.is((await insist(() => sale.cancel(id))).state, OrderState.CANCELLED);
      await agree(t, till, sale, id, "VOIDED");
    }));
}

const TIME_IS_UP: Moment = {
  saga: "complete-payment",
  step: "void-payment",
  phase: "after",
  direction: "undo",
};

test("an order that nobody confirms in time and whose process is killed then leaves nothing behind", (t) =>
  hastyTills.use(TIME_IS_UP, async (till) => {
    const sale = await preparedSale(till, "tok_3ds_waiting");
    let id = "";
    const waitForTheEnd = async () => {
      id = (await sale.place()).id;
      await eventually(() =>
        sale.complete(id).catch((error: unknown) => {
          if (error instanceof SoukError && error.code === Code.UNAVAILABLE) return;
          throw error;
        }),
      );
    };
    // The wait passes over the death; that no saga came to the moment is another error.
    await t.throwsAsync(till.dieDuring(waitForTheEnd), { message: "the call was answered" });
    await refusedTwice(t, "PAYMENT_NOT_CONFIRMED", () => sale.complete(id));
    await agree(t, till, sale, id, "VOIDED");
  }));

/** Something in a cart that waits to be ordered, for which a gift card pays a part. */
interface Sale {
  readonly variantId: string;
  readonly giftCardId: string;
  place(): Promise<Order>;
  complete(orderId: string, giveUp?: boolean): Promise<Order>;
  cancel(orderId: string): Promise<Order>;
}

async function preparedSale(till: Till, token: string): Promise<Sale> {
  const customer = till.shop.customer();
  const visitNow = () => till.visit(customer);
  const variantId = till.newVariant();
  const giftCardId = uuidv7();
  const cards = till.shop.call(GiftCardService, { caller: "operator" });
  const { code } = await cards.issueGiftCard({ giftCardId, amount: money(1_000n, "EUR") });
  await visitNow().add(variantId, QUANTITY);
  const key = randomUUID();
  return {
    variantId,
    giftCardId,
    place: () => visitNow().place(key, token, { giftCards: [{ code }], returnUri: RETURN_URI }),
    complete: (orderId, giveUp) => visitNow().complete(orderId, giveUp),
    cancel: (orderId) => visitNow().cancel(orderId),
  };
}

/** @returns the id of the order, which waits */
async function placed(t: ExecutionContext, { place }: Sale): Promise<string> {
  const { id, state } = await insist(place);
  t.is(state, OrderState.AWAITING_PAYMENT);
  return id;
}

/** Compares what order, payment, inventory and notification keep, each for itself. */
async function agree(
  t: ExecutionContext,
  till: Till,
  { variantId, giftCardId }: Sale,
  id: string,
  payment: "AUTHORIZED" | "DECLINED" | "VOIDED",
): Promise<void> {
  await till.settled();
  const isConfirmed = payment === "AUTHORIZED";
  const { told, mails, ...rest } = await till.read(id, variantId);
  // Who waits is reminded once, unless the wait is over before.
  const others = told.filter((kind) => kind !== "order-awaits-payment");
  const reminders = told.length - others.length;
  t.true(reminders <= 1);
  t.deepEqual(
    { ...rest, told: others, mails: mails - reminders },
    {
      order: isConfirmed ? "CONFIRMED" : "CANCELLED",
      reservation: isConfirmed ? "COMMITTED" : "RELEASED",
      payment,
      charges: [payment.toLowerCase()],
      told: isConfirmed ? ["order-confirmed"] : [],
      mails: isConfirmed ? 1 : 0,
      uses: isConfirmed ? 1 : 0,
      level: isConfirmed ? SOLD : UNSOLD,
    },
  );
  const [card] = await till.shop.ask<{ balance: string }>(
    "payment",
    "select balance_minor as balance from gift_card where id = $1",
    [giftCardId],
  );
  const [row] = await till.shop.ask(till.database, "select changing, confirm_uri from orders where id = $1", [
    id,
  ]);
  t.deepEqual([card?.balance, row], [isConfirmed ? "0" : "1000", { changing: null, confirm_uri: null }]);
}
