import assert from "node:assert/strict";
import fc from "fast-check";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { command } from "../command.ts";
import { goodsAt } from "../model.ts";
import { levelOf } from "../warehouse.ts";
import { GOODS } from "./choices.ts";

/** Lets goods be sold before they come: any number, a few, or none any more. */
export const allowBackOrders = fc
  .record({ goods: GOODS, most: fc.constantFrom(0n, 0n, 3n, undefined) })
  .map((args) =>
    command("allow back-orders", args, async (model, shop) => {
      const goods = goodsAt(model, args.goods);
      const { variantId } = goods;
      goods.backOrders = args.most;
      const { level } = await shop.call(InventoryService, { caller: "operator" }).setStockPolicy({
        variantId,
        backOrderable: args.most !== undefined,
        backOrderLimit: args.most ?? 0n,
      });
      const { available, reserved, backOrdered } = level ?? {};
      assert.deepEqual({ available, reserved, backOrdered }, levelOf(goods));
    }),
  );
