import fc from "fast-check";
import { OrderService } from "#gen/souk/order/v1/order_pb.ts";
import { answered, command, outcomeOf, refused } from "../command.ts";
import { divide } from "../discounts.ts";
import { expectOrder } from "../expect.ts";
import type { Order, Shopper } from "../model.ts";
import { giveBack, shippingOf } from "../order-model.ts";
import { capturedOf, leftToRefund, refusedRest } from "../order-money.ts";
import { costOf } from "../return-model.ts";
import { hasOrder, orderAt, piecesAt, SOME_PIECES } from "./some-pieces.ts";

/** Gives a share of what is left back, in percent; more than that is refused. */
export const refundAmount = fc
  .record({
    order: SOME_PIECES.order,
    share: fc.constantFrom(1n, 50n, 100n, 101n),
    toStoreCredit: fc.constantFrom(false, false, true),
    callers: fc.constantFrom(1, 2),
  })
  .map((args) =>
    command(
      "refund amount",
      args,
      async (model, shop) => {
        const { order, owner } = orderAt(model, args, isRefused, hasMoney);
        const { toStoreCredit } = args;
        const rest = refusedRest(order);
        const left = leftToRefund(order) + rest;
        const amount = (left * args.share + 99n) / 100n + (args.share > 100n || left === 0n ? 1n : 0n);
        const staff = shop.call(OrderService, { caller: "operator" });
        const request = {
          orderId: order.id,
          amount: { minor: amount, currency: order.currency },
          toStoreCredit,
        };
        const options = { idempotencyKey: shop.unique() };
        const refund = () => outcomeOf(staff.refundOrder(request, options));
        const outcomes = await Promise.all(Array.from({ length: args.callers }, refund));
        const problem = amount > left ? "REFUND_EXCEEDED" : problemOf(owner, toStoreCredit);
        const giving = { amount, rest: amount < rest ? amount : rest, toStoreCredit };
        const isGiven = problem === undefined && giveBack(owner, order, giving) > 0n;
        for (const outcome of outcomes) {
          if (isGiven) expectOrder(answered(outcome).order, model, order);
          else refused(outcome, problem ?? "REFUND_REFUSED");
        }
      },
      (model) => hasOrder(model, args, hasMoney),
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
        const { order, owner } = orderAt(model, args, isRefused, hasMoney);
        const { withShipping } = args;
        const { pieces, items, isTooMany } = piecesAt(
          order,
          args,
          ({ shipped, refunded }) => shipped - refunded,
        );
        const named = items.length === 0 ? [] : pieces;
        const rest = named.length === 0 && !withShipping ? refusedRest(order) : 0n;
        const left = leftToRefund(order) + rest;
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
        const given = giveBack(owner, order, { amount, rest: amount < rest ? amount : rest });
        if (given === 0n) {
          refused(outcome, "REFUND_REFUSED");
          return;
        }
        const forShipping = amount < shipping ? amount : shipping;
        if (forShipping > 0n) order.isShippingRefunded = true;
        // Where the provider refuses some of it, it comes to less, for the lines in proportion.
        const shares = divide(
          given - (given < forShipping ? given : forShipping),
          divide(amount - forShipping, costs),
        );
        for (const [index, { line, count }] of named.entries()) {
          line.refunded += count;
          line.refundedAmount += shares[index] ?? 0n;
        }
        expectOrder(answered(outcome).order, model, order);
      },
      (model) => hasOrder(model, args, hasMoney),
    ),
  );

function hasMoney(order: Order): boolean {
  return leftToRefund(order) + refusedRest(order) > 0n;
}

/** Those have the money first that the provider refused to give back. */
function isRefused(order: Order): boolean {
  return refusedRest(order) > 0n;
}

/** A guest has no store credit. */
function problemOf({ isGuest }: Shopper, toStoreCredit: boolean): string | undefined {
  return isGuest && toStoreCredit ? "REFUND_REFUSED" : undefined;
}
