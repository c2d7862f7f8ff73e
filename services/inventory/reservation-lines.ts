import { sql } from "kysely";
import type { InventoryTransaction } from "./database.ts";
import { ErrorReason, refuse } from "./errors.ts";
import { type Allocated, refuseReleased, requireReservation, type StoredReservation } from "./reservation.ts";

/** A number of one variant, at a location or anywhere. */
export interface Portion {
  readonly variantId: string;
  readonly locationId: string | undefined;
  readonly quantity: bigint;
}

/** A change of what a reservation holds of a variant at a location, or waits for. */
export interface LineChange {
  readonly variantId: string;
  /** Undefined for what it waits for. */
  readonly locationId: string | undefined;
  /** How many fewer it holds. */
  readonly quantity: bigint;
}

/**
 * Adds up portions of the same variant and location.
 *
 * @param lines ids in any case; an empty location is none
 */
export function addUpPortions(
  lines: readonly { variantId: string; locationId?: string; quantity: bigint }[],
): Portion[] {
  const portions = new Map<string, Portion>();
  for (const { variantId, locationId = "", quantity } of lines) {
    const key = `${variantId} ${locationId}`.toLowerCase();
    portions.set(key, {
      variantId: variantId.toLowerCase(),
      locationId: locationId.toLowerCase() || undefined,
      quantity: (portions.get(key)?.quantity ?? 0n) + quantity,
    });
  }
  return [...portions.values()];
}

/**
 * A reservation that holds its stock. The levels of variants that it holds must be locked; then none of its lines with
 * them changes any more.
 *
 * @param tx the transaction
 * @param id the reservation
 * @throws SoukError RESERVATION_NOT_FOUND or RESERVATION_RELEASED
 */
export async function requireHeld(tx: InventoryTransaction, id: string): Promise<StoredReservation> {
  const reservation = await requireReservation(tx.sql, id);
  if (reservation.state === "RELEASED") throw refuseReleased(id);
  return reservation;
}

/** What a reservation holds and waits for, while some of it is taken. */
export interface OpenLines {
  /**
   * Takes a number of a variant.
   *
   * @param variantId the variant
   * @param quantity how many
   * @param rank of a line: the lower, the sooner it is taken from; undefined for never
   * @returns what was taken from which line
   * @throws SoukError QUANTITY_NOT_RESERVED
   */
  take(variantId: string, quantity: bigint, rank: (line: Allocated) => number | undefined): Allocated[];
  /** What was taken so far, by line. */
  changes(): LineChange[];
}

/**
 * Opens the lines of a reservation for taking.
 *
 * @param reservation the reservation
 */
export function openLines({ id, allocations }: StoredReservation): OpenLines {
  const lines = allocations.map((line) => ({ line, left: line.quantity }));
  return {
    take(variantId, quantity, rank) {
      const ranked = lines
        .filter(({ line }) => line.variantId === variantId && rank(line) !== undefined)
        .sort((a, b) => (rank(a.line) ?? 0) - (rank(b.line) ?? 0));
      const taken: Allocated[] = [];
      let open = quantity;
      for (const each of ranked) {
        const number = each.left < open ? each.left : open;
        if (number === 0n) continue;
        each.left -= number;
        open -= number;
        taken.push({ ...each.line, quantity: number });
      }
      if (open > 0n) throw refuseNotReserved(id, variantId, quantity - open, quantity);
      return taken;
    },
    changes: () =>
      lines
        .filter(({ line, left }) => left < line.quantity)
        .map(({ line: { variantId, locationId, quantity }, left }) => ({
          variantId,
          locationId,
          quantity: quantity - left,
        })),
  };
}

/**
 * The rank of lines for goods that leave from a location: what is set aside there comes first, then what is waited for;
 * what is set aside elsewhere can still leave there.
 *
 * @param locationId the location
 */
export function leavingFrom(locationId: string): (line: Allocated) => number {
  return (line) => (line.locationId === locationId ? 0 : line.locationId === undefined ? 1 : 2);
}

/**
 * Writes what a reservation no longer holds or waits for.
 *
 * @param tx the transaction, which holds the locks of the variants
 * @param id the reservation
 * @param changes at most one a variant and location
 */
export async function shortenLines(
  tx: InventoryTransaction,
  id: string,
  changes: readonly LineChange[],
): Promise<void> {
  await sql`
    with change as materialized (
      select * from unnest(
        ${changes.map(({ variantId }) => variantId)}::uuid[],
        ${changes.map(({ locationId }) => locationId ?? null)}::uuid[],
        ${changes.map(({ quantity }) => quantity)}::bigint[]
      ) as it (variant_id, location_id, quantity)
    ), line as (
      update reservation_line as line
      set quantity = line.quantity - change.quantity
      from change
      where line.reservation_id = ${id}::uuid and line.variant_id = change.variant_id
        and line.location_id = change.location_id
    ), ended as (
      delete from back_order using change
      where reservation_id = ${id}::uuid and back_order.variant_id = change.variant_id
        and change.location_id is null and back_order.quantity = change.quantity
    ), shortened as (
      update back_order set quantity = back_order.quantity - change.quantity
      from change
      where reservation_id = ${id}::uuid and back_order.variant_id = change.variant_id
        and change.location_id is null and back_order.quantity > change.quantity
    ), summed as (
      update stock_level set back_ordered = back_ordered - change.quantity
      from change
      where stock_level.variant_id = change.variant_id and change.location_id is null
    )
    update reservation set version = version + 1, update_time = now() where id = ${id}::uuid
  `.execute(tx.sql);
}

function refuseNotReserved(id: string, variantId: string, held: bigint, asked: bigint) {
  return refuse(
    ErrorReason.QUANTITY_NOT_RESERVED,
    `reservation ${id} holds ${held} of variant ${variantId}, not ${asked}; ask for ${held} at most`,
    {
      metadata: { reservation_id: id, variant_id: variantId, reserved: `${held}`, requested: `${asked}` },
    },
  );
}
