import { principalKey } from "#kit/principal.ts";
import type { Scope } from "#kit/scope.ts";
import type { InventoryDatabase } from "./database.ts";
import { ErrorReason, refuse } from "./errors.ts";
import { lockStock, type Move, moveStock } from "./move-stock.ts";
import { endTransfer, lockTransfer, refuseEnded, type StoredTransfer } from "./transfers.ts";

/**
 * Books what arrived of a transfer. What did not is written off, which the ledger of the destination shows as a loss.
 * A transfer that was received already stays as it is.
 *
 * @param db inventory's database
 * @param scope the call
 * @param id the transfer
 * @param arrived how many of each variant; all of everything when empty
 * @returns the transfer as received
 * @throws SoukError TRANSFER_NOT_FOUND, TRANSFER_ENDED when it was cancelled, MORE_THAN_SENT
 */
export function receiveTransfer(
  db: InventoryDatabase,
  scope: Scope,
  id: string,
  arrived: readonly { variantId: string; quantity: bigint }[],
): Promise<StoredTransfer> {
  return db.write(scope, async (tx) => {
    const transfer = await lockTransfer(tx, id);
    if (transfer.state === "RECEIVED") return transfer;
    if (transfer.state !== "IN_TRANSIT") throw refuseEnded(transfer);
    const received = receivedOf(transfer, arrived);
    const moves = transfer.lines.flatMap(({ variant_id: variantId, quantity }): Move[] => {
      const place = { variantId, locationId: transfer.to_location_id, reserved: 0n };
      const missing = quantity - (received.get(variantId) ?? 0n);
      const here: Move = { ...place, available: quantity, kind: "TRANSFER_IN" };
      const lost: Move = { ...place, available: -missing, kind: "ADJUSTMENT", reasonCode: "LOSS" };
      return missing > 0n ? [here, lost] : [here];
    });
    await lockStock(tx, moves);
    await moveStock(tx, moves, { referenceId: id, actor: principalKey(scope.principal) });
    return endTransfer(tx, id, "RECEIVED", received);
  });
}

function receivedOf(
  { id, lines }: StoredTransfer,
  arrived: readonly { variantId: string; quantity: bigint }[],
): Map<string, bigint> {
  const sent = new Map(lines.map(({ variant_id, quantity }) => [variant_id, quantity]));
  if (arrived.length === 0) return sent;
  const received = new Map(lines.map(({ variant_id }) => [variant_id, 0n]));
  for (const { variantId: anyCase, quantity } of arrived) {
    const variantId = anyCase.toLowerCase();
    const number = (received.get(variantId) ?? 0n) + quantity;
    const most = sent.get(variantId) ?? 0n;
    if (number > most) throw moreThanSent(id, variantId, most, number);
    received.set(variantId, number);
  }
  for (const variantId of received.keys()) if (!sent.has(variantId)) received.delete(variantId);
  return received;
}

function moreThanSent(id: string, variantId: string, sent: bigint, arrived: bigint) {
  return refuse(
    ErrorReason.MORE_THAN_SENT,
    `${sent} of variant ${variantId} were sent with transfer ${id}, not ${arrived}; book ${sent} at most and adjust the rest`,
    {
      metadata: { transfer_id: id, variant_id: variantId, sent: `${sent}`, arrived: `${arrived}` },
    },
  );
}
