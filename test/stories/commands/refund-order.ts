import fc from "fast-check";
import { OrderService } from "#gen/souk/order/v1/order_pb.ts";
import { answered, command, outcomeOf, refused } from "../command.ts";
import { divide } from "../discounts.ts";
import { expectOrder } from "../expect.ts";
import { giveBack, shippingOf } from "../order-model.ts";
import { capturedOf, leftToRefund } from "../order-money.ts";
import { costOf } from "../return-model.ts";
import { hasOrder, orderAt, piecesAt, SOME_PIECES } from "./some-pieces.ts";

/** Gives a share of what is left back, in percent; more than that is refused. */
export const refundAmount = fc
  .record({
    order: SOME_PIECES.order,
    share: fc.constantFrom(1n, 50n, 100n, 101n),
    callers: fc.constantFrom(1, 2),
  })
  .map((args) =>
    command(
      "refund amount",
      args,
      async (model, shop) => {
        const { order, owner } = orderAt(model, args);
        const left = leftToRefund(order);
        const minor = (left * args.share + 99n) / 100n + (args.share > 100n || left === 0n ? 1n : 0n);
        const staff = shop.call(OrderService, { caller: "operator" });
        const request = { orderId: order.id, amount: { minor, currency: order.currency } };
        const options = { idempotencyKey: shop.unique() };
        const refund = () => outcomeOf(staff.refundOrder(request, options));
        const outcomes = await Promise.all(Array.from({ length: args.callers }, refund));
        if (minor <= left) giveBack(owner, order, minor);
        for (const outcome of outcomes) {
          if (minor <= left) expectOrder(answered(outcome).order, model, order);
          else refused(outcome, "REFUND_EXCEEDED");
        }
      },
      hasOrder,
    ),
  );

/** Gives back what some pieces cost that were sent, or a part of it, and what shipping cost. */
export const refundPieces = fc
  .record({
    ...SOME_PIECES,
    withShipping: fc.constantFrom(false, false, true),
    part: fc.constantFrom(100n, 100n, 40n),
  })
  .map((args) =>
    command(
      "refund pieces",
      args,
      async (model, shop) => {
        const { order, owner } = orderAt(model, args);
        const { withShipping } = args;
        const { pieces, items, isTooMany } = piecesAt(
          order,
          args,
          ({ shipped, refunded }) => shipped - refunded,
        );
        const named = items.length === 0 ? [] : pieces;
        const left = leftToRefund(order);
        const isDue = withShipping && !order.isShippingRefunded && capturedOf(order) > 0n;
        const shipping = isDue ? shippingOf(order.bill) : 0n;
        const costs = named.map((each) => costOf(model, order, each));
        const cost = costs.reduce((sum, it) => sum + it, shipping);
        // Where nothing is named, all that is left goes back.
        const whole = named.length === 0 && !withShipping ? left : cost;
        const minor = (whole * args.part) / 100n;
        const isNamed = args.part < 100n && minor > 0n;
        const amount = isNamed ? minor : whole;
        const staff = shop.call(OrderService, { caller: "operator" });
        const request = {
          orderId: order.id,
          items,
          refundShipping: withShipping,
          ...(isNamed && { amount: { minor, currency: order.currency } }),
        };
        const outcome = await outcomeOf(staff.refundOrder(request, { idempotencyKey: shop.unique() }));
        if (isTooMany || amount === 0n || amount > left) {
          refused(outcome, isTooMany ? "QUANTITY_EXCEEDED" : "REFUND_EXCEEDED");
          return;
        }
        giveBack(owner, order, amount);
        const forShipping = amount < shipping ? amount : shipping;
        if (forShipping > 0n) order.isShippingRefunded = true;
        const shares = divide(amount - forShipping, costs);
        for (const [index, { line, count }] of named.entries()) {
          line.refunded += count;
          line.refundedAmount += shares[index] ?? 0n;
        }
        expectOrder(answered(outcome).order, model, order);
      },
      hasOrder,
    ),
  );
