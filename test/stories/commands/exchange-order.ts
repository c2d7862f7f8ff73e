import assert from "node:assert/strict";
import fc from "fast-check";
import { OrderService } from "#gen/souk/order/v1/order_pb.ts";
import { answered, command, outcomeOf, refused } from "../command.ts";
import { obstacleTo } from "../edit-model.ts";
import { applyExchange, exchangeable, giveUpExchange, planExchange } from "../exchange-model.ts";
import { expectOrder, know } from "../expect.ts";
import { goodsAt, type Model, type Order } from "../model.ts";
import { TOKENS } from "../place-model.ts";
import { GOODS, NOTES } from "./choices.ts";
import { PAYING } from "./place-order.ts";
import { hasOrder, orderAt, piecesAt, SOME_PIECES } from "./some-pieces.ts";

/** What is sent instead: as many of the same, or something else, for the same price, more or less. */
const SENT = fc.array(fc.record({ goods: GOODS, quantity: fc.bigInt(1n, 3n), note: NOTES }), {
  minLength: 1,
  maxLength: 2,
});

/** Staff exchanges goods that were sent, once or from two callers with one key. */
export const exchangeOrder = fc
  .record({
    ...SOME_PIECES,
    sent: fc.option(SENT, { nil: undefined }),
    sentFirst: fc.boolean(),
    expects: fc.constantFrom("anything", "anything", "the difference", "a cent more"),
    token: fc.oneof(
      { weight: 6, arbitrary: PAYING },
      { weight: 1, arbitrary: fc.constantFrom("", ...TOKENS) },
    ),
    callers: fc.constantFrom(1, 1, 2),
  })
  .map((args) =>
    command(
      "exchange order",
      args,
      async (model, shop) => {
        const { order, owner } = orderAt(model, args, hasExchangeable);
        const { pieces } = piecesAt(order, args, exchangeable);
        const same = pieces.map(({ line: { goods, note }, count: quantity }) => ({ goods, quantity, note }));
        const sent = (args.sent ?? same).map((it) => ({ ...it, goods: it.goods % model.goods.length }));
        const wish = { pieces, sent, sentFirst: args.sentFirst };
        const plan = planExchange(model, owner, order, wish);
        const guess =
          typeof plan === "string" ? 0n : plan.difference + (args.expects === "a cent more" ? 1n : 0n);
        const request = {
          orderId: order.id,
          returnedItems: pieces.map(({ line, count }) => ({ lineId: line.id, quantity: count })),
          sentLines: sent.map(({ goods, quantity, note }) => {
            return { variantId: goodsAt(model, goods).variantId, quantity, note };
          }),
          shipBeforeReceipt: args.sentFirst,
          paymentToken: args.token,
          ...(args.expects !== "anything" && {
            expectedDifference: { minor: guess, currency: order.currency },
          }),
        };
        const staff = shop.call(OrderService, { caller: "operator" });
        const options = { idempotencyKey: shop.unique() };
        const exchange = () => outcomeOf(staff.exchangeOrder(request, options));
        const outcomes = await Promise.all(Array.from({ length: args.callers }, exchange));
        const problem =
          typeof plan === "string" ? plan : args.expects === "a cent more" ? "DIFFERENCE_CHANGED" : undefined;
        if (typeof plan === "string" || problem !== undefined) {
          for (const outcome of outcomes) refused(outcome, problem ?? "");
          return;
        }
        const obstacle = obstacleTo(plan.more, plan.missing, args.token);
        if (obstacle !== undefined) {
          for (const outcome of outcomes) refused(outcome, obstacle);
          if (obstacle !== "PAYMENT_MISSING") giveUpExchange(owner, order, plan, obstacle);
          return;
        }
        const [first] = outcomes.map(answered);
        const replacement = applyExchange(model, owner, order, plan, {
          token: args.token,
          returnId: first?.return?.id ?? "",
        });
        know(replacement, first?.replacement);
        for (const { order: told, replacement: toldNew, difference } of outcomes.map(answered)) {
          assert.equal(difference?.minor, plan.difference);
          assert.equal(toldNew?.id, replacement.id, "one exchange for one key");
          expectOrder(told, model, order);
          expectOrder(toldNew, model, replacement);
        }
      },
      // An exchange of nothing is no exchange.
      (model) => hasOrder(model, args, hasExchangeable) && piecesIn(model, args).length > 0,
    ),
  );

function hasExchangeable({ lines }: Order): boolean {
  return lines.some((line) => exchangeable(line) > 0n);
}

function piecesIn(model: Readonly<Model>, args: Parameters<typeof piecesAt>[1]) {
  return piecesAt(orderAt(model, args, hasExchangeable).order, args, exchangeable).pieces;
}
