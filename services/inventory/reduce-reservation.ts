import type { Scope } from "#kit/scope.ts";
import { bookOnce } from "./book-once.ts";
import type { InventoryDatabase, InventoryTransaction } from "./database.ts";
import { lockStock, type Move, moveStock } from "./move-stock.ts";
import { requireReservation, type StoredReservation } from "./reservation.ts";
import { addUpPortions, openLines, type Portion, requireHeld, shortenLines } from "./reservation-lines.ts";

/** What a reservation shall hold no longer. */
export interface Reduction {
  readonly id: string;
  readonly reservationId: string;
  readonly lines: readonly { variantId: string; quantity: bigint }[];
}

/**
 * Gives some of a reservation back, once a change.
 *
 * @param db inventory's database
 * @param scope the call
 * @param reduction what to give back
 * @returns the reservation as it is now
 * @throws SoukError RESERVATION_NOT_FOUND, RESERVATION_RELEASED or QUANTITY_NOT_RESERVED
 */
export async function reduceReservation(
  db: InventoryDatabase,
  scope: Scope,
  { id, reservationId, lines }: Reduction,
): Promise<StoredReservation> {
  const portions = addUpPortions(lines);
  return db.write(scope, async (tx) => {
    if (await bookOnce(tx, "REDUCTION", id)) {
      await lockStock(tx, portions);
      await giveBackSome(tx, await requireHeld(tx, reservationId), portions);
    }
    return requireReservation(tx.sql, reservationId);
  });
}

/**
 * Gives some of a reservation back: first what it still waits for, then what is set aside.
 *
 * @param tx the transaction, which holds the locks of the variants
 * @param reservation the reservation
 * @param portions how many of which variants
 * @throws SoukError QUANTITY_NOT_RESERVED
 */
export async function giveBackSome(
  tx: InventoryTransaction,
  reservation: StoredReservation,
  portions: readonly Portion[],
): Promise<void> {
  const open = openLines(reservation);
  const taken = portions.flatMap(({ variantId, quantity }) =>
    open.take(variantId, quantity, (line) => (line.locationId === undefined ? 0 : 1)),
  );
  await shortenLines(tx, reservation.id, open.changes());
  const moves = taken.flatMap(({ variantId, locationId, quantity }): Move[] =>
    locationId === undefined
      ? []
      : [{ variantId, locationId, available: quantity, reserved: -quantity, kind: "RELEASE" }],
  );
  await moveStock(tx, moves, { referenceId: reservation.id, actor: "" });
}
