import assert from "node:assert/strict";
import fc from "fast-check";
import { OrderService } from "#gen/souk/order/v1/order_pb.ts";
import { answered, command, type Outcome, outcomeOf, refused } from "../command.ts";
import { applyEdit, type Edit, obstacleTo, planEdit } from "../edit-model.ts";
import { expectOrder, know } from "../expect.ts";
import { goodsAt, type Order, type OrderLine } from "../model.ts";
import { stateOf } from "../order-model.ts";
import { TOKENS } from "../place-model.ts";
import { GOODS, NOTES, WHICH } from "./choices.ts";
import { ADDRESS, PAYING } from "./place-order.ts";
import { hasOrder, orderAt } from "./some-pieces.ts";

const METHODS = fc.constantFrom("", "", "", "", "express", "standard", "pick-up", "balloon");
/** How many there shall be of a line. */
const QUANTITIES = fc.constantFrom(0n, 1n, 1n, 2n, 3n, 5n, 1_000n);

/** What is changed of an order. */
const CHANGES = {
  order: WHICH,
  line: WHICH,
  quantity: fc.option(QUANTITIES, { nil: undefined }),
  added: fc.option(fc.record({ goods: GOODS, quantity: fc.bigInt(1n, 3n), note: NOTES }), { nil: undefined }),
  method: METHODS,
  city: fc.constantFrom("", "", "", "Bonn", "Kiel"),
  token: fc.oneof({ weight: 6, arbitrary: PAYING }, { weight: 1, arbitrary: fc.constantFrom("", ...TOKENS) }),
};

/** Staff edits an order, after a look at what it would cost; with a good guess at that, a bad one, or none. */
export const editOrder = fc
  .record({
    ...CHANGES,
    tries: fc.boolean(),
    expects: fc.constantFrom("anything", "the difference", "a cent more"),
  })
  .map((args) =>
    command(
      "edit order",
      args,
      async (model, shop) => {
        const { order, owner } = orderAt(model, args, isEditableReplacement, isEditable);
        const edit = editOf(model.goods.length, order, args);
        const plan = planEdit(model, owner, order, edit);
        const guess =
          typeof plan === "string" ? 0n : plan.difference + (args.expects === "a cent more" ? 1n : 0n);
        const request = {
          ...requestOf(order, edit, (index) => goodsAt(model, index).variantId),
          paymentToken: args.token,
          ...(args.expects !== "anything" && {
            expectedDifference: { minor: guess, currency: order.currency },
          }),
        };
        const staff = shop.call(OrderService, { caller: "operator" });
        const ask = (validateOnly: boolean) =>
          outcomeOf(staff.editOrder({ ...request, validateOnly }, { idempotencyKey: shop.unique() }));
        const tried = args.tries ? await ask(true) : undefined;
        const outcome = await ask(false);
        const problem =
          typeof plan === "string" ? plan : args.expects === "a cent more" ? "DIFFERENCE_CHANGED" : undefined;
        if (typeof plan === "string" || problem !== undefined) {
          for (const each of [tried, outcome]) if (each !== undefined) refused(each, problem ?? "");
          return;
        }
        if (tried !== undefined) assert.equal(answered(tried).difference?.minor, plan.difference);
        const obstacle = obstacleTo(plan.more, plan.missing, args.token);
        if (obstacle !== undefined) {
          refused(outcome, obstacle);
          return;
        }
        const { order: told, difference } = answered(outcome);
        assert.equal(difference?.minor, plan.difference);
        applyEdit(owner, order, plan, args.token);
        know(order, told);
        expectOrder(told, model, order);
      },
      (model) => hasOrder(model, args, isEditable),
    ),
  );

/** Two of staff, who see the same order, edit it alike at once: with one key it is one edit, else one of them does. */
export const editAtOnce = fc.record({ ...CHANGES, oneKey: fc.boolean() }).map((args) =>
  command(
    "edit at once",
    args,
    async (model, shop) => {
      const { order, owner } = orderAt(model, args, isEditableReplacement, isEditable);
      const edit = editOf(model.goods.length, order, args);
      const plan = planEdit(model, owner, order, edit);
      const problem = typeof plan === "string" ? plan : obstacleTo(plan.more, plan.missing, args.token);
      const staff = shop.call(OrderService, { caller: "operator" });
      const { etag = "" } = (await staff.getOrderForStaff({ id: order.id })).order ?? {};
      const request = {
        ...requestOf(order, edit, (index) => goodsAt(model, index).variantId),
        paymentToken: args.token,
        etag,
      };
      const key = shop.unique();
      const ask = (idempotencyKey: string) => outcomeOf(staff.editOrder(request, { idempotencyKey }));
      const outcomes = await Promise.all([ask(key), ask(args.oneKey ? key : shop.unique())]);
      const winner = outcomes.find((outcome) => "answer" in outcome);
      if (typeof plan === "string" || problem !== undefined) {
        for (const outcome of outcomes) refusedWith(outcome, [problem ?? "", "ORDER_BEING_CHANGED"]);
        assert.ok(outcomes.some((outcome) => "refused" in outcome && outcome.refused === problem));
        return;
      }
      assert.ok(winner, "one of them edits it");
      applyEdit(owner, order, plan, args.token);
      know(order, answered(winner).order);
      for (const outcome of outcomes) {
        if (args.oneKey || outcome === winner) expectOrder(answered(outcome).order, model, order);
        else refusedWith(outcome, ["ETAG_MISMATCH", "ORDER_BEING_CHANGED"]);
      }
    },
    (model) => hasOrder(model, args, isEditable),
  ),
);

function isEditable(order: Order): boolean {
  return stateOf(order) === "CONFIRMED";
}

/** Of an order that replaces goods, what was taken off them is kept. */
function isEditableReplacement(order: Order): boolean {
  return isEditable(order) && order.replaces !== undefined;
}

interface Changes {
  readonly line: number;
  readonly quantity: bigint | undefined;
  readonly added: { readonly goods: number; readonly quantity: bigint; readonly note: string } | undefined;
  readonly method: string;
  readonly city: string;
}

function editOf(allGoods: number, order: Order, { line, quantity, added, method, city }: Changes): Edit {
  const named = order.lines[line % order.lines.length] as OrderLine;
  return {
    quantities: new Map(quantity === undefined ? [] : [[named, quantity]]),
    added: added === undefined ? [] : [{ ...added, goods: added.goods % allGoods }],
    method: method || order.method,
    city: city || order.city,
  };
}

function requestOf(
  order: Order,
  { quantities, added, method, city }: Edit,
  variantOf: (goods: number) => string,
) {
  return {
    orderId: order.id,
    lines: [...quantities].map(([{ id: lineId }, quantity]) => ({ lineId, quantity })),
    addedLines: added.map(({ goods, quantity, note }) => ({ variantId: variantOf(goods), quantity, note })),
    shippingMethod: method,
    shippingAddress: { ...ADDRESS, city },
  };
}

function refusedWith(outcome: Outcome<unknown>, reasons: readonly string[]): void {
  assert.ok("refused" in outcome, "both edited it");
  assert.ok(
    reasons.includes(outcome.refused),
    `it was refused with ${outcome.refused}, not ${reasons.join(" or ")}`,
  );
}
