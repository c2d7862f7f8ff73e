import { createHash } from "node:crypto";
import { principalKey } from "#kit/principal.ts";
import type { Scope } from "#kit/scope.ts";
import { bookOnce } from "./book-once.ts";
import type { InventoryDatabase } from "./database.ts";
import { ErrorReason, refuse } from "./errors.ts";
import { lockStock, type Move, moveStock } from "./move-stock.ts";
import { lockTransfer, refuseEnded, type StoredTransfer, storeProgress } from "./transfers.ts";

/** What came of a transfer. */
export interface Arrival {
  readonly transferId: string;
  /** Where more is to come, which of its arrivals it is; the transfer ends with it when left out. */
  readonly id?: string;
  /** All that is on the way when empty. */
  readonly items: readonly ArrivedItem[];
}

/** How many of a variant came, and how many never will. Items of the same variant count together. */
export interface ArrivedItem {
  readonly variantId: string;
  readonly quantity: bigint;
  readonly writtenOff: bigint;
  /** Why they are written off, as the contract names it. */
  readonly reasonCode: string;
}

/** Why what is not named does not come. */
const REST_REASON = "LOSS";
/** How many hexadecimal digits PostgreSQL reads as a UUID. */
const UUID_DIGITS = 32;

/**
 * Books what arrived of a transfer. What did not stays on the way where more is to come, and is written off otherwise;
 * the ledger of the destination shows what is written off as come and gone. An arrival that was booked already, and a
 * transfer that was received, stay as they are.
 *
 * @param db inventory's database
 * @param scope the call
 * @param arrival what arrived
 * @returns the transfer as it is then
 * @throws SoukError TRANSFER_NOT_FOUND, TRANSFER_ENDED when nothing of it is on the way, MORE_THAN_SENT
 */
export function receiveTransfer(
  db: InventoryDatabase,
  scope: Scope,
  { transferId, id, items }: Arrival,
): Promise<StoredTransfer> {
  return db.write(scope, async (tx) => {
    const transfer = await lockTransfer(tx, transferId);
    const isKnown =
      id === undefined
        ? transfer.state === "RECEIVED"
        : !(await bookOnce(tx, "ARRIVAL", bookingOf(transferId, id)));
    if (isKnown) return transfer;
    if (transfer.state !== "IN_TRANSIT") throw refuseEnded(transfer);
    const arrived = transfer.lines.map((line) => arrivedOf(transfer.id, line, items, id === undefined));
    requireSent(transfer, items);
    const moves = arrived.flatMap(({ variantId, quantity, losses }): Move[] => {
      const place = { variantId, locationId: transfer.to_location_id, reserved: 0n };
      const lost = losses.map(
        ({ writtenOff, reasonCode }): Move => ({
          ...place,
          available: -writtenOff,
          kind: "ADJUSTMENT",
          reasonCode,
        }),
      );
      const here: Move = { ...place, available: quantity + sumOf(losses), kind: "TRANSFER_IN" };
      return here.available > 0n ? [here, ...lost] : [];
    });
    await lockStock(tx, moves);
    await moveStock(tx, moves, { referenceId: transferId, actor: principalKey(scope.principal) });
    const isOver = arrived.every(({ progress }) => progress.inTransit === 0n);
    const lines = arrived.map(({ progress }) => progress);
    return storeProgress(tx, transferId, isOver ? "RECEIVED" : "IN_TRANSIT", lines);
  });
}

/** One van may bring some of several transfers: an arrival is known by its name and its transfer. */
function bookingOf(transferId: string, arrivalId: string): string {
  const hash = createHash("sha256").update(`${transferId} ${arrivalId.toLowerCase()}`).digest("hex");
  return hash.slice(0, UUID_DIGITS);
}

/** What an arrival means for a line of its transfer. */
function arrivedOf(
  transferId: string,
  {
    variant_id: variantId,
    quantity: sent,
    received,
    written_off,
    in_transit,
  }: StoredTransfer["lines"][number],
  items: readonly ArrivedItem[],
  isLast: boolean,
) {
  const own = items.filter((item) => item.variantId === variantId);
  const quantity = items.length === 0 ? in_transit : own.reduce((sum, item) => sum + item.quantity, 0n);
  const named = own.filter(({ writtenOff }) => writtenOff > 0n);
  const rest = in_transit - quantity - sumOf(named);
  if (rest < 0n) throw moreThanSent(transferId, variantId, sent, in_transit, in_transit - rest);
  const losses = isLast && rest > 0n ? [...named, { writtenOff: rest, reasonCode: REST_REASON }] : named;
  const progress = {
    variantId,
    received: received + quantity,
    writtenOff: written_off + sumOf(losses),
    inTransit: isLast ? 0n : rest,
  };
  return { variantId, quantity, losses, progress };
}

function sumOf(losses: readonly Pick<ArrivedItem, "writtenOff">[]): bigint {
  return losses.reduce((sum, { writtenOff }) => sum + writtenOff, 0n);
}

function requireSent({ id, lines }: StoredTransfer, items: readonly ArrivedItem[]): void {
  const sent = new Set(lines.map(({ variant_id }) => variant_id));
  for (const { variantId, quantity, writtenOff } of items) {
    if (quantity + writtenOff > 0n && !sent.has(variantId)) {
      throw moreThanSent(id, variantId, 0n, 0n, quantity + writtenOff);
    }
  }
}

function moreThanSent(id: string, variantId: string, sent: bigint, inTransit: bigint, arrived: bigint) {
  return refuse(
    ErrorReason.MORE_THAN_SENT,
    `${inTransit} of variant ${variantId} are on the way with transfer ${id}, not ${arrived}; book ${inTransit} at most and adjust the rest`,
    {
      metadata: {
        transfer_id: id,
        variant_id: variantId,
        sent: `${sent}`,
        in_transit: `${inTransit}`,
        arrived: `${arrived}`,
      },
    },
  );
}
