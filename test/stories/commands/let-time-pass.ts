import assert from "node:assert/strict";
import fc from "fast-check";
import { CartService } from "#gen/souk/order/v1/cart_pb.ts";
import { PaymentService } from "#gen/souk/payment/v1/payment_pb.ts";
import { uuidBefore } from "#kit/data/uuid-before.ts";
import { type Counter, command, outcomeOf, refused } from "../command.ts";
import { expectPayment } from "../expect.ts";
import { oneOf, shopperAt } from "../model.ts";
import { free, moneyOf, stateOf } from "../payment-model.ts";
import { release } from "../warehouse.ts";
import { SHOPPERS, WHICH } from "./choices.ts";
import { openCart } from "./come-as-guest.ts";

/** Lets two hours pass: what was set aside and not paid is given back by inventory's job, and nothing else. */
export const letTimePass = fc.constant({}).map((args) =>
  command(
    "let time pass",
    args,
    async (model, shop) => {
      const held = model.holds.filter(({ state }) => state === "HELD");
      const ids = held.map(({ id }) => id);
      await shop.ask(
        "inventory",
        "update reservation set expire_time = expire_time - interval '2 hours' where id = any ($1)",
        [ids],
      );
      await shop.runJob("expire-reservations");
      for (const hold of held) {
        release(hold.reservation);
        hold.state = "RELEASED";
      }
      const due = await shop.ask(
        "inventory",
        "select id from reservation where id = any ($1) and state = 'HELD'",
        [ids],
      );
      assert.deepEqual(due, [], "what is still set aside although its time is up");
    },
    ({ holds }) => holds.some(({ state }) => state === "HELD"),
  ),
);

/** Lets weeks pass in which nobody takes the money of a payment: what is left of it is free again. */
export const letAuthorizationExpire = fc.record({ payment: WHICH }).map((args) =>
  command(
    "let authorization expire",
    args,
    async (model, shop) => {
      const payment = oneOf(model.payments, args.payment);
      await shop.ask(
        "payment",
        "update payment set expire_time = now() - interval '1 second' where id = $1 and expire_time is not null",
        [payment.id],
      );
      await shop.runJob("expire-authorizations");
      // Gift cards and store credit that pay alone stay set aside.
      const isOfCard = payment.parts.some(({ balance }) => balance === undefined);
      if (isOfCard && moneyOf(payment).open > 0n) {
        free(payment);
        payment.isExpired = true;
      }
      const desk = shop.call(PaymentService, { caller: "operator" });
      expectPayment((await desk.getPayment({ id: payment.id })).payment, payment);
    },
    ({ payments }) => payments.some((payment) => stateOf(payment) !== "DECLINED"),
  ),
);

/** Lets months pass in which nobody touches a cart: it is gone, with what was put aside in it. */
export const letCartExpire = fc.record({ of: SHOPPERS }).map((args) =>
  command("let cart expire", args, async (model, shop) => {
    const shopper = shopperAt(model, args.of);
    const cart = shop.call(CartService, shopper.customer);
    const { cartToken } = shopper;
    const before = await cart.getCart({ cartToken });
    await growOld(shop, before.cart?.id ?? "");
    await shop.runJob("expire-carts");
    Object.assign(shopper, { cart: [], saved: [], codes: [] });
    if (!shopper.isGuest) {
      assert.notEqual((await cart.getCart({})).cart?.id, before.cart?.id, "the cart that has expired");
      return;
    }
    refused(await outcomeOf(cart.getCart({ cartToken })), "CART_NOT_FOUND");
    shopper.cartToken = (await openCart(shop, shopper.currency)).cartToken;
  }),
);

/** Makes a cart one of 100 days ago, of which its id tells as well. */
async function growOld(shop: Counter, id: string): Promise<void> {
  const older = uuidBefore(Date.now() - 100 * 24 * 3_600_000).slice(0, 13) + id.slice(13);
  await shop.ask(
    "order",
    `with moved as (update cart_line set cart_id = $2 where cart_id = $1)
     update cart set id = $2, update_time = now() - interval '100 days' where id = $1`,
    [id, older],
  );
}
