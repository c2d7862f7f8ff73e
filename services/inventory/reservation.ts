import { sql } from "kysely";
import type { InventorySql } from "./database.ts";
import type { ReservationStateName } from "./entities.ts";
import { ErrorReason, refuse } from "./errors.ts";

/** A number of one variant at one location. */
export interface Allocated {
  readonly variantId: string;
  /** Undefined for what is on back-order. */
  readonly locationId: string | undefined;
  readonly quantity: bigint;
}

/** A reservation as callers see it. */
export interface StoredReservation {
  readonly id: string;
  /** RELEASED as soon as the time of a held one is up, although its stock is given back a little later. */
  readonly state: ReservationStateName;
  /** Undefined where it was released before it was made. */
  readonly expireTime: Date | undefined;
  /** What it holds, in the order of variants and locations, back-orders last. */
  readonly allocations: readonly Allocated[];
  /** Grows with each change. */
  readonly version: number;
}

/** How a reservation stands now. */
export const standing = sql<ReservationStateName>`
  case when state = 'HELD' and expire_time <= now() then 'RELEASED' else state end
`;

interface Row {
  readonly state: ReservationStateName;
  readonly expire_time: Date | null;
  readonly version: number;
  readonly variant_id: string | null;
  readonly location_id: string | null;
  readonly quantity: bigint;
}

/**
 * Finds a reservation with what it holds.
 *
 * @param db where to read
 * @param id the reservation
 */
export async function findReservation(db: InventorySql, id: string): Promise<StoredReservation | undefined> {
  const { rows } = await sql<Row>`
    select ${standing} as state, expire_time, version, variant_id, location_id, quantity
    from reservation left join lateral (
      select variant_id, location_id, quantity from reservation_line
      where reservation_id = reservation.id and quantity > 0
      union all
      select variant_id, null, quantity from back_order where reservation_id = reservation.id
    ) as held on ${standing} <> 'RELEASED'
    where id = ${id}::uuid
    order by variant_id, location_id nulls last
  `.execute(db);
  const [first] = rows;
  if (first === undefined) return undefined;
  return {
    id,
    state: first.state,
    expireTime: first.expire_time ?? undefined,
    allocations: rows.flatMap(({ variant_id, location_id, quantity }) =>
      variant_id === null ? [] : { variantId: variant_id, locationId: location_id ?? undefined, quantity },
    ),
    version: first.version,
  };
}

/**
 * A reservation with what it holds.
 *
 * @param db where to read
 * @param id the reservation
 * @throws SoukError RESERVATION_NOT_FOUND
 */
export async function requireReservation(db: InventorySql, id: string): Promise<StoredReservation> {
  const found = await findReservation(db, id);
  if (found === undefined) throw refuseUnknown(id);
  return found;
}

/** The refusal of what can only be done with a reservation that was made. */
function refuseUnknown(id: string) {
  return refuse(ErrorReason.RESERVATION_NOT_FOUND, `there is no reservation ${id}; reserve the stock first`, {
    metadata: { reservation_id: id },
  });
}

/** The refusal of what can only be done with a reservation that no longer expires. */
export function refuseNotCommitted(id: string) {
  return refuse(
    ErrorReason.RESERVATION_NOT_COMMITTED,
    `reservation ${id} is not final yet, so nothing of it can leave or be added to it; commit it first`,
    { metadata: { reservation_id: id } },
  );
}

/** The refusal of what can only be done with stock that is set aside. */
export function refuseReleased(id: string) {
  return refuse(
    ErrorReason.RESERVATION_RELEASED,
    `the stock of reservation ${id} was given back; reserve again under a new id`,
    { metadata: { reservation_id: id } },
  );
}
