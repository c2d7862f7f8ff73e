import type { Scope } from "#kit/scope.ts";
import { bookOnce } from "./book-once.ts";
import type { InventoryDatabase } from "./database.ts";
import { requireActive } from "./locations.ts";
import { lockStock, type Move, moveStock } from "./move-stock.ts";
import { refuseNotCommitted, type StoredReservation } from "./reservation.ts";
import {
  addUpPortions,
  type LineChange,
  leavingFrom,
  openLines,
  type Portion,
  requireHeld,
  shortenLines,
} from "./reservation-lines.ts";

/** Goods of a reservation that leave. */
export interface Shipment {
  readonly id: string;
  readonly reservationId: string;
  /** Without a location, they leave from where they are set aside. */
  readonly lines: readonly { variantId: string; locationId?: string; quantity: bigint }[];
}

/**
 * Books the departure of goods, once a shipment. Where they leave from a location at which too few of them are set
 * aside, what is available there goes, and what is set aside elsewhere, or waited for, is given free.
 *
 * @param db inventory's database
 * @param scope the call
 * @param shipment what leaves
 * @throws SoukError RESERVATION_NOT_FOUND, RESERVATION_RELEASED, RESERVATION_NOT_COMMITTED, QUANTITY_NOT_RESERVED,
 *   LOCATION_NOT_FOUND, LOCATION_INACTIVE, or STOCK_TOO_LOW when a location named has too few
 */
export async function fulfillReservation(
  db: InventoryDatabase,
  scope: Scope,
  { id, reservationId, lines }: Shipment,
): Promise<void> {
  const portions = addUpPortions(lines);
  const named = [...new Set(portions.flatMap(({ locationId }) => locationId ?? []))];
  await db.write(scope, async (tx) => {
    if (!(await bookOnce(tx, "SHIPMENT", id))) return;
    if (named.length > 0) await requireActive(tx, named);
    await lockStock(tx, portions);
    const reservation = await requireHeld(tx, reservationId);
    if (reservation.state !== "COMMITTED") throw refuseNotCommitted(reservationId);
    const { changes, moves } = planDeparture(reservation, portions);
    await shortenLines(tx, reservationId, changes);
    await moveStock(tx, moves, { referenceId: reservationId, actor: "" });
  });
}

/**
 * Plans from which lines of a reservation goods leave. Portions that name their location come first, so that others
 * do not take what is set aside there.
 *
 * @throws SoukError QUANTITY_NOT_RESERVED
 */
function planDeparture(
  reservation: StoredReservation,
  portions: readonly Portion[],
): { changes: LineChange[]; moves: Move[] } {
  const open = openLines(reservation);
  const moves: Move[] = [];
  for (const { variantId, locationId, quantity } of portions.filter((it) => it.locationId !== undefined)) {
    const from = locationId as string;
    for (const line of open.take(variantId, quantity, leavingFrom(from))) {
      if (line.locationId !== undefined && line.locationId !== from) {
        const there = { variantId, locationId: line.locationId };
        moves.push({ ...there, available: line.quantity, reserved: -line.quantity, kind: "RELEASE" });
      }
      const change =
        line.locationId === from
          ? { available: 0n, reserved: -line.quantity }
          : { available: -line.quantity, reserved: 0n };
      moves.push({ variantId, locationId: from, ...change, kind: "SHIPMENT" });
    }
  }
  for (const { variantId, quantity } of portions.filter((it) => it.locationId === undefined)) {
    const taken = open.take(variantId, quantity, (line) => (line.locationId === undefined ? undefined : 0));
    for (const line of taken) {
      const locationId = line.locationId as string;
      moves.push({ variantId, locationId, available: 0n, reserved: -line.quantity, kind: "SHIPMENT" });
    }
  }
  return { changes: open.changes(), moves };
}
