import { principalKey } from "#kit/principal.ts";
import type { Scope } from "#kit/scope.ts";
import type { InventoryDatabase } from "./database.ts";
import { lockStock, type Move, moveStock } from "./move-stock.ts";
import { lockTransfer, refuseEnded, type StoredTransfer, storeProgress } from "./transfers.ts";

/**
 * Takes what is on the way of a transfer back to where it came from. One that was taken back already stays as it is.
 *
 * @param db inventory's database
 * @param scope the call
 * @param id the transfer
 * @returns the transfer as cancelled
 * @throws SoukError TRANSFER_NOT_FOUND, or TRANSFER_ENDED when it was received
 */
export function cancelTransfer(db: InventoryDatabase, scope: Scope, id: string): Promise<StoredTransfer> {
  return db.write(scope, async (tx) => {
    const transfer = await lockTransfer(tx, id);
    if (transfer.state === "CANCELLED") return transfer;
    if (transfer.state !== "IN_TRANSIT") throw refuseEnded(transfer);
    const moves = transfer.lines
      .filter(({ in_transit }) => in_transit > 0n)
      .map(
        ({ variant_id, in_transit }): Move => ({
          variantId: variant_id,
          locationId: transfer.from_location_id,
          available: in_transit,
          reserved: 0n,
          kind: "TRANSFER_IN",
        }),
      );
    await lockStock(tx, moves);
    await moveStock(tx, moves, { referenceId: id, actor: principalKey(scope.principal) });
    const ended = transfer.lines.map(({ variant_id, received, written_off }) => {
      return { variantId: variant_id, received, writtenOff: written_off, inTransit: 0n };
    });
    return storeProgress(tx, id, "CANCELLED", ended);
  });
}
