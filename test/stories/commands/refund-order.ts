import fc from "fast-check";
import { OrderService } from "#gen/souk/order/v1/order_pb.ts";
import { answered, command, outcomeOf, refused } from "../command.ts";
import { expectOrder } from "../expect.ts";
import { goodsAt } from "../model.ts";
import { capturedOf, giveBack, worthOf } from "../order-model.ts";
import { hasOrder, orderAt, piecesAt, SOME_PIECES } from "./some-pieces.ts";

/** Gives a share of what is left back, in percent; more than that is refused. */
export const refundAmount = fc
  .record({
    of: SOME_PIECES.of,
    order: SOME_PIECES.order,
    share: fc.constantFrom(1n, 50n, 100n, 101n),
    callers: fc.constantFrom(1, 2),
  })
  .map((args) =>
    command(
      "refund amount",
      args,
      async (model, shop) => {
        const { order } = orderAt(model, args);
        const left = capturedOf(order) - order.refunded;
        const minor = (left * args.share + 99n) / 100n + (args.share > 100n || left === 0n ? 1n : 0n);
        const staff = shop.call(OrderService, { caller: "operator" });
        const request = { orderId: order.id, amount: { minor, currency: order.currency } };
        const options = { idempotencyKey: shop.unique() };
        const refund = () => outcomeOf(staff.refundOrder(request, options));
        const outcomes = await Promise.all(Array.from({ length: args.callers }, refund));
        if (minor <= left) giveBack(order, minor);
        for (const outcome of outcomes) {
          if (minor <= left) expectOrder(answered(outcome).order, model, order);
          else refused(outcome, "REFUND_EXCEEDED");
        }
      },
      (model) => hasOrder(model, args),
    ),
  );

/** Gives back what some pieces cost that were sent. */
export const refundPieces = fc.record(SOME_PIECES).map((args) =>
  command(
    "refund pieces",
    args,
    async (model, shop) => {
      const { order } = orderAt(model, args);
      const { pieces, items, isTooMany } = piecesAt(
        order,
        args,
        ({ shipped, refunded }) => shipped - refunded,
      );
      const left = capturedOf(order) - order.refunded;
      const costs = pieces.map(({ line, count }) => {
        const cost =
          worthOf(goodsAt(model, line.goods).prices[order.currency], line, line.refunded + count) -
          line.refundedAmount;
        return cost < 0n ? 0n : cost;
      });
      // Where no piece is named, all that is left goes back.
      const amount = items.length === 0 ? left : costs.reduce((sum, cost) => sum + cost, 0n);
      const staff = shop.call(OrderService, { caller: "operator" });
      const request = { orderId: order.id, items };
      const outcome = await outcomeOf(staff.refundOrder(request, { idempotencyKey: shop.unique() }));
      if (isTooMany || amount === 0n || amount > left) {
        refused(outcome, isTooMany ? "QUANTITY_EXCEEDED" : "REFUND_EXCEEDED");
        return;
      }
      giveBack(order, amount);
      if (items.length > 0) {
        for (const [index, { line, count }] of pieces.entries()) {
          line.refunded += count;
          line.refundedAmount += costs[index] ?? 0n;
        }
      }
      expectOrder(answered(outcome).order, model, order);
    },
    (model) => hasOrder(model, args),
  ),
);
