import fc from "fast-check";
import { OrderService } from "#gen/souk/order/v1/order_pb.ts";
import { answered, command, outcomeOf, refused } from "../command.ts";
import { expectOrder } from "../expect.ts";
import type { Order } from "../model.ts";
import { cancelPieces, openPieces, stateOf } from "../order-model.ts";
import { hasOrder, orderAt, piecesAt, SOME_PIECES } from "./some-pieces.ts";

/** Staff cancels some or all of what is not sent. */
export const cancelItems = fc.record(SOME_PIECES).map((args) =>
  command(
    "cancel items",
    args,
    async (model, shop) => {
      const { order, owner } = orderAt(model, args, hasOpen);
      const { pieces, items, isTooMany } = piecesAt(order, args, openPieces);
      const request = { orderId: order.id, items, reason: "Sold out" };
      const staff = shop.call(OrderService, { caller: "operator" });
      const outcome = await outcomeOf(staff.cancelOrderItems(request, { idempotencyKey: shop.unique() }));
      const isPossible = hasOpen(order);
      if (!isPossible || isTooMany) {
        refused(outcome, isPossible ? "QUANTITY_EXCEEDED" : "ORDER_NOT_CANCELLABLE");
        return;
      }
      cancelPieces(model, owner, order, pieces, request.reason);
      expectOrder(answered(outcome).order, model, order);
    },
    (model) => hasOrder(model, args, hasOpen),
  ),
);

function hasOpen(order: Order): boolean {
  return ["CONFIRMED", "PARTIALLY_SHIPPED"].includes(stateOf(order));
}
