import { sql } from "kysely";
import type { InventoryDatabase } from "./database.ts";
import type { ReservationStateName } from "./entities.ts";
import { ErrorReason, refuse } from "./errors.ts";

/** A reservation as callers see it. */
export interface StoredReservation {
  /** RELEASED as soon as the time of a held one is up, although its stock is given back a little later. */
  readonly state: ReservationStateName;
  /** Null where it was released before it was made. */
  readonly expire_time: Date | null;
}

/** Finds a reservation. */
export async function findReservation(
  db: InventoryDatabase,
  id: string,
): Promise<StoredReservation | undefined> {
  return db.sql
    .selectFrom("reservation")
    .select([
      sql<ReservationStateName>`case when state = 'HELD' and expire_time <= now() then 'RELEASED' else state end`.as(
        "state",
      ),
      "expire_time",
    ])
    .where("id", "=", id)
    .executeTakeFirst();
}

/** The refusal of what can only be done with stock that is set aside. */
export function refuseReleased(id: string) {
  return refuse(
    ErrorReason.RESERVATION_RELEASED,
    `the stock of reservation ${id} was given back; reserve again under a new id`,
    { metadata: { reservation_id: id } },
  );
}
