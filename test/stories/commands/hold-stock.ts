import { durationFromMs } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { answered, command, outcomeOf, refused } from "../command.ts";
import { goodsAt, moveStock } from "../model.ts";
import { GOODS } from "./choices.ts";

/** For how long, in ms: no story takes so long. */
const TTL_MS = 3_600_000;

/** Sets stock aside as a checkout does that nobody goes on with. */
export const holdStock = fc.record({ goods: GOODS, quantity: fc.bigInt(1n, 4n) }).map((args) =>
  command("hold stock", args, async (model, shop) => {
    const goods = args.goods % model.goods.length;
    const { quantity } = args;
    const { variantId, available } = goodsAt(model, goods);
    const id = shop.unique();
    const request = { reservationId: id, lines: [{ variantId, quantity }], ttl: durationFromMs(TTL_MS) };
    const outcome = await outcomeOf(shop.call(InventoryService, { caller: "order" }).reserveStock(request));
    if (available < quantity) {
      refused(outcome, "OUT_OF_STOCK");
      return;
    }
    answered(outcome);
    moveStock(model, [{ goods, quantity, note: "" }], "set aside");
    model.holds.push({ id, goods, quantity, state: "HELD" });
  }),
);
