import fc from "fast-check";
import { command, refused } from "../command.ts";
import { shopperAt } from "../model.ts";
import { SHOPPERS, WHICH } from "./choices.ts";
import { ask, expectPlaced } from "./place-order.ts";

/** Asks for an order again under its key: the same request gets the same order, another one is refused. */
export const placeAgain = fc.record({ by: SHOPPERS, attempt: WHICH, same: fc.boolean() }).map((args) =>
  command(
    "place again",
    args,
    async (model, shop) => {
      const shopper = shopperAt(model, args.by);
      const attempt = shopper.attempts[args.attempt % shopper.attempts.length];
      if (attempt === undefined) throw new Error("the check lets nobody through who asked for nothing");
      const { key, request, outcome } = attempt;
      if (args.same) {
        expectPlaced(await ask(shop, shopper, key, request), model, outcome);
        return;
      }
      const other = { ...request, expected: (request.expected ?? 0n) + 7n };
      refused(await ask(shop, shopper, key, other), "IDEMPOTENCY_KEY_REUSED");
    },
    (model) => shopperAt(model, args.by).attempts.length > 0,
  ),
);
