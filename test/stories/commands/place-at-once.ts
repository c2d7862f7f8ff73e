import assert from "node:assert/strict";
import fc from "fast-check";
import { command } from "../command.ts";
import { lacking, type PlaceRequest, placeOrder, shopperAt } from "../model.ts";
import { SHOPPERS } from "./choices.ts";
import { ask, expectPlaced } from "./place-order.ts";

const REQUEST: PlaceRequest = { method: "standard", token: "tok_visa", expected: undefined };

/** Orders a cart from several tabs at once, with one key or with several: it is ordered once. */
export const placeAtOnce = fc
  .record({ by: SHOPPERS, tabs: fc.integer({ min: 2, max: 4 }), oneKey: fc.boolean() })
  .map((args) =>
    command(
      "place at once",
      args,
      async (model, shop) => {
        const shopper = shopperAt(model, args.by);
        const key = shop.unique();
        const keys = Array.from({ length: args.tabs }, () => (args.oneKey ? key : shop.unique()));
        const outcomes = await Promise.all(keys.map((it) => ask(shop, shopper, it, REQUEST)));
        if (args.oneKey) {
          const expected = placeOrder(model, shopper, key, REQUEST);
          for (const outcome of outcomes) expectPlaced(outcome, model, expected);
          return;
        }
        // Which of them wins is open; the others find nothing left to order.
        const winner = outcomes.findIndex((it) => "answer" in it);
        const expected = placeOrder(model, shopper, keys[Math.max(winner, 0)] as string, REQUEST);
        if (typeof expected === "string") {
          assert.equal(winner, -1, "what cannot be ordered once cannot be ordered several times");
          return;
        }
        for (const [index, outcome] of outcomes.entries()) {
          expectPlaced(outcome, model, index === winner ? expected : "CART_EMPTY");
        }
      },
      // What is refused for want of stock leaves one order behind for each tab, or fewer, as it comes.
      (model) => args.oneKey || lacking(model, shopperAt(model, args.by).cart).length === 0,
    ),
  );
