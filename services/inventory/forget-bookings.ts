import { sql } from "kysely";
import type { Scope } from "#kit/scope.ts";
import type { InventoryDatabase } from "./database.ts";

/** How many bookings one statement removes. */
const AT_ONCE = 1_000;

/**
 * Forgets shipments, reductions, returns, changes and arrivals that were booked long ago; one that came again after that
 * would move its stock again.
 *
 * @param db inventory's database
 * @param scope the run
 * @param afterMs how long is long ago, in ms; longer than whoever books goes on trying
 */
export async function forgetBookings(db: InventoryDatabase, scope: Scope, afterMs: number): Promise<void> {
  const forgetting = sql<{ id: string }>`
    delete from booking where (kind, id) in (
      select kind, id from booking
      where create_time < now() - ${afterMs} * interval '1 millisecond'
      limit ${AT_ONCE} for update skip locked)
    returning id`.compile(db.sql);
  while (!scope.signal.aborted && (await db.change(scope, forgetting)).length === AT_ONCE);
}
