import { sql } from "kysely";
import { ReservationExpiredSchema } from "#gen/souk/inventory/v1/events_pb.ts";
import type { Scope } from "#kit/scope.ts";
import type { InventoryDatabase } from "./database.ts";
import { fillBackOrders } from "./fill-back-orders.ts";
import { giveBackStock } from "./give-back-stock.ts";

/** How many reservations one transaction gives back. */
const BATCH = 100;

/** Gives back the reservations whose time is up, and tells of each. */
export async function expireReservations(db: InventoryDatabase, scope: Scope): Promise<void> {
  for (;;) {
    const expired = await expireBatch(db, scope);
    if (expired.length < BATCH) return;
    scope.signal.throwIfAborted();
  }
}

function expireBatch(db: InventoryDatabase, scope: Scope): Promise<string[]> {
  const due = sql<{ id: string; version: number }>`
    select id, version from reservation
    where state = 'HELD' and expire_time <= now()
    order by expire_time limit ${BATCH}
  `;
  return db.write(scope, async (tx) => {
    const { ids, variantIds, owed } = await giveBackStock(tx.sql, { due, from: ["HELD"], kind: "EXPIRY" });
    for (const variantId of variantIds) tx.ring(variantId);
    if (owed.length > 0) await fillBackOrders(tx, owed);
    for (const reservationId of ids) tx.emit(ReservationExpiredSchema, { reservationId });
    return ids;
  });
}
