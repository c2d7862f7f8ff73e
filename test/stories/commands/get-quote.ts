import assert from "node:assert/strict";
import fc from "fast-check";
import { CheckoutService } from "#gen/souk/order/v1/checkout_pb.ts";
import { cartBill } from "../cart-model.ts";
import { answered, command, outcomeOf, refused } from "../command.ts";
import { billOf, toDiscount } from "../expect.ts";
import { oneOf } from "../model.ts";
import { SHIPPING_METHODS } from "../reckon.ts";
import { SHOPPERS } from "./choices.ts";
import { ADDRESS } from "./place-order.ts";

/** Asks what a cart would cost with each way of shipping it. */
export const getQuote = fc.record({ by: SHOPPERS }).map((args) =>
  command("get quote", args, async (model, shop) => {
    const ready = model.shoppers.filter(({ cart }) => cart.length > 0);
    const shopper = oneOf(args.by === 0 || ready.length === 0 ? model.shoppers : ready, args.by);
    const checkout = shop.call(CheckoutService, shopper.customer);
    const outcome = await outcomeOf(
      checkout.getQuote({ shippingAddress: ADDRESS, cartToken: shopper.cartToken }),
    );
    if (shopper.cart.length === 0) {
      refused(outcome, "CART_EMPTY");
      return;
    }
    const { quotes } = answered(outcome);
    const told = Object.fromEntries(
      quotes.map((quote) => {
        const lines = quote.lines.map(({ discounts }) =>
          discounts.map((it) => toDiscount(it, shopper.currency)),
        );
        return [quote.shippingMethod, { ...billOf(quote, shopper.currency), lines }];
      }),
    );
    assert.deepEqual(
      told,
      Object.fromEntries(SHIPPING_METHODS.map((method) => [method, cartBill(model, shopper, method)])),
    );
    const totals = quotes.map(({ total }) => total?.minor ?? 0n);
    assert.deepEqual(
      totals,
      totals.toSorted((a, b) => Number(a - b)),
      "the cheapest comes first",
    );
  }),
);
