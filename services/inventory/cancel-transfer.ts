import { principalKey } from "#kit/principal.ts";
import type { Scope } from "#kit/scope.ts";
import type { InventoryDatabase } from "./database.ts";
import { lockStock, type Move, moveStock } from "./move-stock.ts";
import { endTransfer, lockTransfer, refuseEnded, type StoredTransfer } from "./transfers.ts";

/**
 * Takes a transfer that is on the way back to where it came from. One that was taken back already stays as it is.
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
    const moves = transfer.lines.map(
      ({ variant_id, quantity }): Move => ({
        variantId: variant_id,
        locationId: transfer.from_location_id,
        available: quantity,
        reserved: 0n,
        kind: "TRANSFER_IN",
      }),
    );
    await lockStock(tx, moves);
    await moveStock(tx, moves, { referenceId: id, actor: principalKey(scope.principal) });
    return endTransfer(tx, id, "CANCELLED", new Map());
  });
}
