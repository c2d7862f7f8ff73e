import assert from "node:assert/strict";
import fc from "fast-check";
import { OrderService } from "#gen/souk/order/v1/order_pb.ts";
import { answered, command, outcomeOf, refused } from "../command.ts";
import { expectOrder } from "../expect.ts";
import { type Order, oneOf } from "../model.ts";
import { areThere, deliver, isWaiting, openPieces, shipPieces, stateOf } from "../order-model.ts";
import { hasOrder, orderAt, piecesAt, SOME_PIECES } from "./some-pieces.ts";

/** Sends some or all of an order, sometimes from two callers with one key: it is sent, and paid, once. */
export const shipOrder = fc.record({ ...SOME_PIECES, callers: fc.constantFrom(1, 1, 2) }).map((args) =>
  command(
    "ship order",
    args,
    async (model, shop) => {
      const { order, owner } = orderAt(model, args, isShippableReplacement, isShippable);
      const { pieces, items, isTooMany } = piecesAt(order, args, openPieces);
      const staff = shop.call(OrderService, { caller: "operator" });
      const options = { idempotencyKey: shop.unique() };
      const ship = () => outcomeOf(staff.shipOrder({ orderId: order.id, items }, options));
      const outcomes = await Promise.all(Array.from({ length: args.callers }, ship));
      const isPossible = hasLeft(order);
      if (!isPossible || (isTooMany && !isWaiting(order))) {
        for (const outcome of outcomes)
          refused(outcome, isPossible ? "QUANTITY_EXCEEDED" : "ORDER_NOT_SHIPPABLE");
        return;
      }
      if (isWaiting(order)) {
        for (const outcome of outcomes) {
          assert.equal(refused(outcome, "ORDER_NOT_SHIPPABLE")["return_id"], order.waitsFor?.id);
        }
        return;
      }
      if (!areThere(model, order, pieces)) {
        for (const outcome of outcomes) {
          assert.notEqual(refused(outcome, "ORDER_NOT_SHIPPABLE")["variant_id"], undefined);
        }
        return;
      }
      const ids = outcomes.map((outcome) => answered(outcome).shipment?.id);
      assert.equal(new Set(ids).size, 1, "one shipment for one key");
      shipPieces(model, owner, order, pieces, ids[0] ?? "");
      for (const outcome of outcomes) expectOrder(answered(outcome).order, model, order);
    },
    (model) => hasOrder(model, args, isShippable),
  ),
);

/** Whether something of an order is still to be sent. */
function hasLeft(order: Order): boolean {
  return ["CONFIRMED", "PARTIALLY_SHIPPED"].includes(stateOf(order));
}

function isShippable(order: Order): boolean {
  return hasLeft(order) && !isWaiting(order);
}

function isShippableReplacement(order: Order): boolean {
  return isShippable(order) && order.replaces !== undefined;
}

/** A shipment arrives, and is said to have arrived once more. */
export const deliverShipment = fc
  .record({ order: SOME_PIECES.order, shipment: SOME_PIECES.line })
  .map((args) =>
    command(
      "deliver shipment",
      args,
      async (model, shop) => {
        const { order, owner } = orderAt(model, args, wasSent);
        const shipment = oneOf(order.shipments, args.shipment);
        const staff = shop.call(OrderService, { caller: "operator" });
        for (let time = 0; time < 2; time++) await staff.markShipmentDelivered({ id: shipment.id });
        deliver(owner, order, shipment);
        const { order: told } = await staff.getOrderForStaff({ id: order.id });
        expectOrder(told, model, order);
      },
      (model) => hasOrder(model, args, wasSent) && wasSent(orderAt(model, args, wasSent).order),
    ),
  );

function wasSent({ shipments }: Order): boolean {
  return shipments.length > 0;
}
