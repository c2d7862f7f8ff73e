import assert from "node:assert/strict";
import fc from "fast-check";
import { command } from "../command.ts";
import { type PlaceRequest, portionsOf, shopperAt } from "../model.ts";
import { placeOrder } from "../place-model.ts";
import { lackingOf } from "../warehouse.ts";
import { SHOPPERS } from "./choices.ts";
import { ask, expectPlaced } from "./place-order.ts";

const REQUEST = {
  method: "standard",
  token: "tok_visa",
  returnUri: "",
  giftCards: [],
  credit: undefined,
  expected: undefined,
} as const;

/** Orders a cart from several tabs at once, with one key or with several: it is ordered once. */
export const placeAtOnce = fc
  .record({ by: SHOPPERS, tabs: fc.integer({ min: 2, max: 4 }), oneKey: fc.boolean() })
  .map((args) =>
    command(
      "place at once",
      args,
      async (model, shop) => {
        const shopper = shopperAt(model, args.by);
        const { currency, cartToken } = shopper;
        const request: PlaceRequest = { ...REQUEST, currency, cartToken };
        const key = shop.unique();
        const keys = Array.from({ length: args.tabs }, () => (args.oneKey ? key : shop.unique()));
        const outcomes = await Promise.all(keys.map((it) => ask(shop, shopper, it, request)));
        if (args.oneKey) {
          const expected = placeOrder(model, shopper, key, request);
          for (const outcome of outcomes) expectPlaced(outcome, model, expected);
          return;
        }
        // Which of them wins is open; the others find nothing left to order.
        const winner = outcomes.findIndex((it) => "answer" in it);
        const expected = placeOrder(model, shopper, keys[Math.max(winner, 0)] as string, request);
        if (typeof expected === "string") {
          assert.equal(winner, -1, "what cannot be ordered once cannot be ordered several times");
          return;
        }
        for (const [index, outcome] of outcomes.entries()) {
          expectPlaced(outcome, model, index === winner ? expected : "CART_EMPTY");
        }
      },
      // What is refused for want of stock leaves one order behind for each tab, or fewer, as it comes.
      (model) => args.oneKey || lackingOf(portionsOf(model, shopperAt(model, args.by).cart)).size === 0,
    ),
  );
