import { durationFromMs } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { answered, command, outcomeOf, refused } from "../command.ts";
import { goodsAt } from "../model.ts";
import { lackingOf, reserve } from "../warehouse.ts";
import { GOODS } from "./choices.ts";

/** For how long, in ms: no story takes so long. */
const TTL_MS = 3_600_000;

/** Sets stock aside as a checkout does that nobody goes on with. */
export const holdStock = fc.record({ goods: GOODS, quantity: fc.bigInt(1n, 4n) }).map((args) =>
  command("hold stock", args, async (model, shop) => {
    const goods = goodsAt(model, args.goods);
    const { quantity } = args;
    const { variantId } = goods;
    const id = shop.unique();
    const request = { reservationId: id, lines: [{ variantId, quantity }], ttl: durationFromMs(TTL_MS) };
    const outcome = await outcomeOf(shop.call(InventoryService, { caller: "order" }).reserveStock(request));
    const wanted = new Map([[goods, quantity]]);
    if (lackingOf(wanted).size > 0) {
      refused(outcome, "OUT_OF_STOCK");
      return;
    }
    answered(outcome);
    model.holds.push({ id, reservation: reserve(wanted), state: "HELD" });
  }),
);
