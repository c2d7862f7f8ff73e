import assert from "node:assert/strict";
import fc from "fast-check";
import { CheckoutService } from "#gen/souk/order/v1/checkout_pb.ts";
import { OrderService, OrderState } from "#gen/souk/order/v1/order_pb.ts";
import { PaymentService } from "#gen/souk/payment/v1/payment_pb.ts";
import { signSandboxWebhook } from "../../../services/payment/provider/sandbox-signature.ts";
import { eventually } from "../../eventually.ts";
import { answered, type Counter, command, type Outcome, outcomeOf, refused } from "../command.ts";
import { expectOrder } from "../expect.ts";
import { type Model, type Order, oneOf, type PlaceRequest, type Shopper } from "../model.ts";
import { stateOf } from "../order-model.ts";
import { confirm, giveUp, placeOrder } from "../place-model.ts";
import { RETURN_URI, WEBHOOK_SECRET } from "../shop.ts";
import { SHOPPERS } from "./choices.ts";
import { ask, expectPlaced, MEANS, meansOf } from "./place-order.ts";

/**
 * What ends the wait: the customer is back, the provider tells of it before, while or after that, the customer gives up,
 * or the time is up.
 */
type Ending = "back" | "told first" | "told meanwhile" | "told after" | "gives up" | "late";

/**
 * Orders with a card that has to be confirmed, and brings it to an end: it is confirmed or refused, or nobody comes
 * back. Meanwhile nothing of it can be sent, or ordered once more.
 */
export const confirmPayment = fc
  .record({
    by: SHOPPERS,
    token: fc.constantFrom("tok_3ds", "tok_3ds", "tok_3ds_refused", "tok_3ds_waiting"),
    hasPage: fc.constantFrom(true, true, true, true, true, false),
    means: MEANS,
    ending: fc.constantFrom<Ending>(
      "back",
      "back",
      "back",
      "back",
      "told first",
      "told meanwhile",
      "told meanwhile",
      "told after",
      "told after",
      "gives up",
      "gives up",
      "late",
    ),
  })
  .map((args) =>
    command(
      "confirm payment",
      args,
      async (model, shop) => {
        const ready = model.shoppers.filter(({ cart }) => cart.length > 0);
        const shopper = oneOf(ready, args.by);
        const { currency, cartToken } = shopper;
        const request: PlaceRequest = {
          method: "standard",
          token: args.token,
          returnUri: args.hasPage ? RETURN_URI : "",
          ...meansOf(model, args.means),
          expected: undefined,
          currency,
          cartToken,
        };
        const key = shop.unique();
        const outcome = await ask(shop, shopper, key, request);
        const order = placeOrder(model, shopper, key, request);
        expectPlaced(outcome, model, order);
        if (typeof order === "string" || !order.isAwaited) return;
        const { action, orderToken } = answered(outcome);
        assert.equal(action?.redirectUri, `${RETURN_URI}?payment_id=${order.id}`);
        const again = { ...request, giftCards: [], credit: undefined };
        refused(await ask(shop, shopper, shop.unique(), again), "CART_EMPTY");
        const staff = shop.call(OrderService, { caller: "operator" });
        const sending = staff.shipOrder({ orderId: order.id }, { idempotencyKey: shop.unique() });
        refused(await outcomeOf(sending), "ORDER_NOT_SHIPPABLE");
        await endWait({ model, shop, shopper, order, orderToken }, args);
      },
      (model) => model.shoppers.some(({ cart }) => cart.length > 0),
    ),
  );

interface Waiting {
  readonly model: Model;
  readonly shop: Counter;
  readonly shopper: Shopper;
  readonly order: Order;
  readonly orderToken: string;
}

async function endWait(
  waiting: Waiting,
  { token, ending }: { readonly token: string; readonly ending: Ending },
): Promise<void> {
  const { model, shop, shopper, order, orderToken } = waiting;
  const checkout = shop.call(CheckoutService, shopper.customer);
  const complete = (givesUp = false) =>
    outcomeOf(checkout.completePayment({ orderId: order.id, orderToken, giveUp: givesUp }));
  if (ending === "gives up") {
    giveUp(order, "");
    for (const outcome of await Promise.all([complete(true), complete(true)])) {
      expectOrder(answered(outcome).order, model, order);
    }
    refused(await complete(), "PAYMENT_NOT_CONFIRMED");
    return;
  }
  const isUndecided = token === "tok_3ds_waiting";
  if (isUndecided && ending !== "late") {
    // Who has not decided yet is asked to, and the order waits on; what the provider tells changes nothing.
    if (ending !== "back") await webhook(shop, order);
    assert.equal(refused(await complete(), "PAYMENT_NOT_CONFIRMED")["state"], "AWAITING_PAYMENT");
    await shop.ask("payment", "update sandbox.charge set customer = 'confirms' where idempotency_key = $1", [
      order.id,
    ]);
  }
  if (ending === "late") {
    await shop.ask("order", "update orders set confirm_until = now() where id = $1", [order.id]);
  }
  if (ending === "told first") await webhook(shop, order);
  const isReturning = ending !== "told first" && ending !== "late";
  const returning = isReturning ? [complete(), complete()] : [];
  if (ending === "told meanwhile") await webhook(shop, order);
  const outcomes = await Promise.all(returning);

  if (token === "tok_3ds_refused") decline(order);
  else if (isUndecided && ending === "late") giveUp(order, "PAYMENT_NOT_CONFIRMED");
  else confirm(shopper, order);
  const reason = order.isCancelled ? order.cancelReason : undefined;
  for (const outcome of outcomes) expectEnd(model, order, outcome, reason);
  if (ending === "told after") await webhook(shop, order);
  if (!isReturning) await becomes(waiting);
  expectEnd(model, order, await complete(), reason);
}

function decline(order: Order): void {
  giveUp(order, "PAYMENT_DECLINED");
  for (const payment of order.paid) payment.declined = true;
}

function expectEnd(
  model: Model,
  order: Order,
  outcome: Outcome<{ order?: Parameters<typeof expectOrder>[0] }>,
  reason: string | undefined,
): void {
  if (reason === undefined) expectOrder(answered(outcome).order, model, order);
  else refused(outcome, reason);
}

/** The shop looks every second whether somebody waits in vain. */
async function becomes({ shop, order }: Waiting): Promise<void> {
  const staff = shop.call(OrderService, { caller: "operator" });
  await eventually(async () => {
    const { order: told } = await staff.getOrderForStaff({ id: order.id });
    if (told?.state !== OrderState[stateOf(order)]) throw new Error(`order ${order.id} waits on`);
  });
}

/** The provider tells of the charge of an order. */
async function webhook(shop: Counter, { id: idempotencyKey }: Order): Promise<void> {
  const [charge] = await shop.ask<{ id: string }>(
    "payment",
    "select id from sandbox.charge where idempotency_key = $1",
    [idempotencyKey],
  );
  const notice = { id: shop.unique(), type: "charge.updated", charge: charge?.id, idempotencyKey };
  const body = Buffer.from(JSON.stringify(notice));
  const signature = signSandboxWebhook(WEBHOOK_SECRET, body, Date.now());
  await shop
    .call(PaymentService, { accessToken: "" })
    .handleWebhook({ provider: "sandbox", body, signature });
}
