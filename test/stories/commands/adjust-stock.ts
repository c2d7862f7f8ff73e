import assert from "node:assert/strict";
import fc from "fast-check";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { answered, command, outcomeOf, refused } from "../command.ts";
import { goodsAt } from "../model.ts";
import { levelOf, move, shelfAt } from "../warehouse.ts";
import { GOODS, PLACES } from "./choices.ts";

/** Books a delivery, or what was found missing, once and again under the same key. */
export const adjustStock = fc
  .record({
    goods: GOODS,
    place: PLACES,
    delta: fc.bigInt(-8n, 8n).filter((delta) => delta !== 0n),
    twice: fc.boolean(),
  })
  .map((args) =>
    command("adjust stock", args, async (model, shop) => {
      const goods = goodsAt(model, args.goods);
      const { variantId } = goods;
      const { delta, place } = args;
      const shelf = shelfAt(goods, place);
      const request = { variantId, delta, reason: "counted", locationId: shelf.place.id };
      const options = { idempotencyKey: shop.unique() };
      const stockroom = shop.call(InventoryService, { caller: "operator" });
      const adjust = () => outcomeOf(stockroom.adjustStock(request, options));
      const outcomes = [await adjust(), ...(args.twice ? [await adjust()] : [])];
      const { available } = shelf;
      const isPossible = available + delta >= 0n;
      if (isPossible) move(goods, place, delta);
      for (const outcome of outcomes) {
        if (isPossible) {
          const { level } = answered(outcome);
          const { available, reserved, backOrdered } = level ?? {};
          assert.deepEqual({ available, reserved, backOrdered }, levelOf(goods));
        } else {
          assert.equal(refused(outcome, "STOCK_TOO_LOW")["available"], String(available));
        }
      }
    }),
  );
