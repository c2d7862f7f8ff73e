import assert from "node:assert/strict";
import fc from "fast-check";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { type Transfer, TransferState } from "#gen/souk/inventory/v1/transfer_pb.ts";
import { answered, command, outcomeOf, refused } from "../command.ts";
import { goodsAt, oneOf } from "../model.ts";
import { move, shelfAt } from "../warehouse.ts";
import { GOODS, PLACES, WHICH } from "./choices.ts";

/** Sends goods from one place to another, or tries to. */
export const sendGoods = fc
  .record({ goods: GOODS, from: PLACES, to: PLACES, quantity: fc.bigInt(1n, 5n) })
  .map((args) =>
    command("send goods", args, async (model, shop) => {
      const goods = goodsAt(model, args.goods);
      const { from, to, quantity } = args;
      const shelf = shelfAt(goods, from);
      const request = {
        fromLocationId: shelf.place.id,
        toLocationId: shelfAt(goods, to).place.id,
        lines: [{ variantId: goods.variantId, quantity }],
      };
      const stockroom = shop.call(InventoryService, { caller: "operator" });
      const outcome = await outcomeOf(stockroom.transferStock(request, { idempotencyKey: shop.unique() }));
      if (from === to) refused(outcome, "TRANSFER_TO_SELF");
      else if (shelf.available < quantity) refused(outcome, "STOCK_TOO_LOW");
      else {
        const id = answered(outcome).transfer?.id ?? "";
        move(goods, from, -quantity);
        model.transfers.push({ id, goods, from, to, quantity, state: "IN_TRANSIT" });
      }
    }),
  );

/** What was sent arrives, some of it lost or none, or a piece of it and more later, or is taken back; and once more. */
export const endTransfer = fc
  .record({
    transfer: WHICH,
    lost: fc.constantFrom(0n, 0n, 1n),
    ending: fc.constantFrom("arrive", "arrive", "arrive in part", "cancel"),
  })
  .map((args) =>
    command(
      "end transfer",
      args,
      async (model, shop) => {
        const transfer = oneOf(model.transfers, args.transfer);
        const { id, goods, from, to, quantity, state } = transfer;
        const stockroom = shop.call(InventoryService, { caller: "operator" });
        if (args.ending === "arrive in part") {
          const piece = {
            id,
            arrivalId: shop.unique(),
            lines: [{ variantId: goods.variantId, quantity: 1n }],
          };
          const outcomes = [
            await outcomeOf(stockroom.receiveTransfer(piece)),
            await outcomeOf(stockroom.receiveTransfer(piece)),
          ];
          if (state !== "IN_TRANSIT") {
            for (const outcome of outcomes) refused(outcome, "TRANSFER_ENDED");
            return;
          }
          transfer.quantity -= 1n;
          if (transfer.quantity === 0n) transfer.state = "RECEIVED";
          move(goods, to, 1n);
          for (const outcome of outcomes) {
            assert.equal(answered(outcome).transfer?.state, TransferState[transfer.state]);
          }
          return;
        }
        // Nothing is on the way any more where all of it came piece by piece.
        const arrived = args.lost < quantity ? quantity - args.lost : 0n;
        const lines = [{ variantId: goods.variantId, quantity: arrived }];
        const isCancel = args.ending === "cancel";
        const end = (): Promise<{ transfer?: Transfer | undefined }> =>
          isCancel ? stockroom.cancelTransfer({ id }) : stockroom.receiveTransfer({ id, lines });
        const outcomes = [await outcomeOf(end()), await outcomeOf(end())];
        const becomes = isCancel ? "CANCELLED" : "RECEIVED";
        if (state !== "IN_TRANSIT" && state !== becomes) {
          for (const outcome of outcomes) refused(outcome, "TRANSFER_ENDED");
          return;
        }
        if (state === "IN_TRANSIT") {
          transfer.state = becomes;
          move(goods, isCancel ? from : to, isCancel ? quantity : arrived);
        }
        for (const outcome of outcomes) {
          assert.equal(answered(outcome).transfer?.state, TransferState[becomes]);
        }
      },
      ({ transfers }) => transfers.length > 0,
    ),
  );
