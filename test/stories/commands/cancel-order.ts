import fc from "fast-check";
import { OrderService } from "#gen/souk/order/v1/order_pb.ts";
import { answered, command, outcomeOf, refused } from "../command.ts";
import { expectOrder } from "../expect.ts";
import { shopperAt } from "../model.ts";
import { cancelOrder as cancelInModel, stateOf } from "../order-model.ts";
import { SHOPPERS, WHICH } from "./choices.ts";

/** Cancels an order, from one tab or several at once, once more, or somebody else's. */
export const cancelOrder = fc
  .record({
    of: SHOPPERS,
    by: SHOPPERS,
    order: WHICH,
    tabs: fc.constantFrom(1, 1, 1, 3),
    reason: fc.constantFrom("", "Changed my mind"),
  })
  .map((args) =>
    command(
      "cancel order",
      args,
      async (model, shop) => {
        const owner = shopperAt(model, args.of);
        const shopper = shopperAt(model, args.by);
        const known = owner.orders.filter(({ id }) => id !== "");
        const order = known[args.order % known.length];
        if (order === undefined) throw new Error("the check lets nobody through who ordered nothing");
        const { reason } = args;
        const cancel = () =>
          outcomeOf(shop.call(OrderService, shopper.customer).cancelOrder({ id: order.id, reason }));
        const outcomes = await Promise.all(Array.from({ length: args.tabs }, cancel));
        const isPossible = ["CONFIRMED", "CANCELLED"].includes(stateOf(order));
        if (owner === shopper && isPossible) cancelInModel(model, shopper, order, reason);
        for (const outcome of outcomes) {
          if (owner === shopper && !isPossible) refused(outcome, "ORDER_NOT_CANCELLABLE");
          else if (owner === shopper) expectOrder(answered(outcome).order, model, order);
          else refused(outcome, "ORDER_NOT_FOUND");
        }
      },
      (model) => shopperAt(model, args.of).orders.some(({ id }) => id !== ""),
    ),
  );
