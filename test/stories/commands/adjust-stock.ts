import assert from "node:assert/strict";
import fc from "fast-check";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { answered, command, outcomeOf, refused } from "../command.ts";
import { goodsAt } from "../model.ts";
import { GOODS } from "./choices.ts";

/** Books a delivery, or what was found missing, once and again under the same key. */
export const adjustStock = fc
  .record({ goods: GOODS, delta: fc.bigInt(-8n, 8n).filter((delta) => delta !== 0n), twice: fc.boolean() })
  .map((args) =>
    command("adjust stock", args, async (model, shop) => {
      const goods = goodsAt(model, args.goods);
      const { variantId } = goods;
      const { delta } = args;
      const options = { idempotencyKey: shop.unique() };
      const stockroom = shop.call(InventoryService, { caller: "operator" });
      const adjust = () => outcomeOf(stockroom.adjustStock({ variantId, delta, reason: "counted" }, options));
      const outcomes = [await adjust(), ...(args.twice ? [await adjust()] : [])];
      const isPossible = goods.available + delta >= 0n;
      if (isPossible) goods.available += delta;
      for (const outcome of outcomes) {
        if (isPossible) {
          const { level } = answered(outcome);
          assert.deepEqual([level?.available, level?.reserved], [goods.available, goods.reserved]);
        } else {
          assert.equal(refused(outcome, "STOCK_TOO_LOW")["available"], String(goods.available));
        }
      }
    }),
  );
