import fc from "fast-check";
import { OrderService } from "#gen/souk/order/v1/order_pb.ts";
import { answered, command, outcomeOf, refused } from "../command.ts";
import { expectOrder } from "../expect.ts";
import { type Order, oneOf } from "../model.ts";
import { cancelOrder as cancelInModel, stateOf } from "../order-model.ts";
import { WHICH } from "./choices.ts";
import { hasOrder, orderAt } from "./some-pieces.ts";

/** Cancels an order, from one tab or several at once, once more, or somebody else's. */
export const cancelOrder = fc
  .record({
    order: WHICH,
    isOwn: fc.constantFrom(true, true, true, false),
    tabs: fc.constantFrom(1, 1, 1, 3),
    reason: fc.constantFrom("", "Changed my mind"),
  })
  .map((args) =>
    command(
      "cancel order",
      args,
      async (model, shop) => {
        const { order, owner } = orderAt(model, args, isConfirmed);
        const others = model.shoppers.filter((it) => it !== owner && !it.isGuest);
        const shopper = args.isOwn ? owner : oneOf(others, args.tabs);
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
      // A guest has no account with which to do so.
      (model) =>
        hasOrder(model, args, isConfirmed) &&
        !(args.isOwn && orderAt(model, args, isConfirmed).owner.isGuest),
    ),
  );

function isConfirmed(order: Order): boolean {
  return stateOf(order) === "CONFIRMED";
}
