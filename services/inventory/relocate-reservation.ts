import { sql } from "kysely";
import type { Scope } from "#kit/scope.ts";
import type { InventoryDatabase, InventoryTransaction } from "./database.ts";
import { tellFilled } from "./fill-back-orders.ts";
import { requireActive } from "./locations.ts";
import { lockStock, type Move, moveStock } from "./move-stock.ts";
import { type Allocated, refuseNotCommitted } from "./reservation.ts";
import { addUpPortions, leavingFrom, openLines, requireHeld, shortenLines } from "./reservation-lines.ts";

/** Goods of a reservation that shall leave from one location. */
export interface Relocation {
  readonly reservationId: string;
  readonly locationId: string;
  readonly lines: readonly { variantId: string; quantity: bigint }[];
}

/**
 * Sets goods of a final reservation aside at the location that they shall leave from, all of them or none: what is
 * available there takes the place of what is set aside elsewhere, or waited for. Again, it changes nothing.
 *
 * @param db inventory's database
 * @param scope the call
 * @param relocation what shall leave from where
 * @throws SoukError RESERVATION_NOT_FOUND, RESERVATION_RELEASED, RESERVATION_NOT_COMMITTED, QUANTITY_NOT_RESERVED,
 *   LOCATION_NOT_FOUND, LOCATION_INACTIVE, or STOCK_TOO_LOW when the location has too few
 */
export async function relocateReservation(
  db: InventoryDatabase,
  scope: Scope,
  { reservationId, locationId, lines }: Relocation,
): Promise<void> {
  const portions = addUpPortions(lines.map((line) => ({ ...line, locationId })));
  await db.write(scope, async (tx) => {
    await requireActive(tx, [locationId]);
    await lockStock(tx, portions);
    const reservation = await requireHeld(tx, reservationId);
    if (reservation.state !== "COMMITTED") throw refuseNotCommitted(reservationId);
    const open = openLines(reservation);
    const absent = portions
      .flatMap(({ variantId, quantity }) => open.take(variantId, quantity, leavingFrom(locationId)))
      .filter((line) => line.locationId !== locationId);
    if (absent.length === 0) return;
    const changes = open.changes().filter((line) => line.locationId !== locationId);
    await shortenLines(tx, reservationId, changes);
    await setAside(tx, reservationId, locationId, absent);
    const moves = absent.flatMap(({ variantId, locationId: from, quantity }): Move[] => {
      const here: Move = {
        variantId,
        locationId,
        available: -quantity,
        reserved: quantity,
        kind: "RESERVATION",
      };
      if (from === undefined) return [here];
      return [
        { variantId, locationId: from, available: quantity, reserved: -quantity, kind: "RELEASE" },
        here,
      ];
    });
    await moveStock(tx, moves, { referenceId: reservationId, actor: "" });
    if (changes.some((change) => change.locationId === undefined)) await tellFilled(tx, [reservationId]);
  });
}

async function setAside(
  tx: InventoryTransaction,
  reservationId: string,
  locationId: string,
  goods: readonly Allocated[],
): Promise<void> {
  await sql`
    insert into reservation_line as line (reservation_id, variant_id, location_id, quantity)
    select ${reservationId}::uuid, variant_id, ${locationId}::uuid, sum(quantity)::bigint
    from unnest(
      ${goods.map(({ variantId }) => variantId)}::uuid[], ${goods.map(({ quantity }) => quantity)}::bigint[]
    ) as it (variant_id, quantity)
    group by variant_id
    on conflict (reservation_id, variant_id, location_id) do update set quantity = line.quantity + excluded.quantity
  `.execute(tx.sql);
}
