import assert from "node:assert/strict";
import fc from "fast-check";
import { OrderService } from "#gen/souk/order/v1/order_pb.ts";
import { ReturnReason } from "#gen/souk/order/v1/return_pb.ts";
import { answered, command, outcomeOf, refused } from "../command.ts";
import { expectOrder } from "../expect.ts";
import { goodsAt, tell } from "../model.ts";
import { capturedOf, giveBack, stateOf, worthOf } from "../order-model.ts";
import { move } from "../warehouse.ts";
import { hasOrder, orderAt, SOME_PIECES } from "./some-pieces.ts";

/** A customer sends pieces back, and staff takes them in twice, restocked or written off, or refuses them. */
export const sendBack = fc
  .record({
    ...SOME_PIECES,
    count: fc.bigInt(1n, 3n),
    ending: fc.constantFrom("restock", "write off", "reject"),
  })
  .map((args) =>
    command(
      "send back",
      args,
      async (model, shop) => {
        const { order, owner } = orderAt(model, args);
        const line = order.lines[args.line % order.lines.length];
        assert.ok(line);
        const quantity = args.count;
        const items = [{ lineId: line.id, quantity, reason: ReturnReason.OTHER }];
        const requested = await outcomeOf(
          shop.call(OrderService, owner.customer).requestReturn({ orderId: order.id, items }),
        );
        const isPossible = ["PARTIALLY_SHIPPED", "SHIPPED", "DELIVERED"].includes(stateOf(order));
        if (!isPossible || quantity > line.shipped - line.returned) {
          refused(requested, isPossible ? "QUANTITY_EXCEEDED" : "ORDER_NOT_RETURNABLE");
          return;
        }
        const id = answered(requested).return?.id ?? "";
        tell(owner, { topic: "return-requested", order });
        const staff = shop.call(OrderService, { caller: "operator" });
        if (args.ending === "reject") {
          await staff.rejectReturn({ id, reason: "Worn" });
          tell(owner, { topic: "return-rejected", order });
          refused(await outcomeOf(staff.approveReturn({ id })), "RETURN_STATE_CONFLICT");
          return;
        }
        await staff.approveReturn({ id });
        const isForSale = args.ending === "restock";
        const received = {
          lineId: line.id,
          restocked: isForSale ? quantity : 0n,
          writtenOff: isForSale ? 0n : quantity,
        };
        const receive = () => outcomeOf(staff.receiveReturn({ id, items: [received] }));
        const outcomes = [await receive(), await receive()];

        const goods = goodsAt(model, line.goods);
        for (const topic of ["return-approved", "return-received"]) tell(owner, { topic, order });
        line.returned += quantity;
        // It comes back to the place that is taken from first.
        if (isForSale) move(goods, 0, quantity);
        // Money goes back for pieces for which it has not yet, and never more than is left.
        const unpaid = line.shipped - line.refunded;
        const count = quantity < unpaid ? quantity : unpaid;
        const cost = worthOf(goods.prices[order.currency], line, line.refunded + count) - line.refundedAmount;
        const left = capturedOf(order) - order.refunded;
        const owed = cost > 0n ? cost : 0n;
        const amount = owed < left ? owed : left;
        if (count > 0n && left > 0n) {
          giveBack(owner, order, amount);
          line.refunded += count;
          line.refundedAmount += amount;
        }
        for (const outcome of outcomes) expectOrder(answered(outcome).order, model, order);
      },
      // A guest has no account with which to ask for it.
      (model) => hasOrder(model) && !orderAt(model, args).owner.isGuest,
    ),
  );
