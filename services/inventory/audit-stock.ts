import type { Meter } from "@opentelemetry/api";
import type { Scope } from "#kit/scope.ts";
import { findDifferences } from "./check-ledger.ts";
import type { InventoryDatabase } from "./database.ts";

/**
 * Makes the job that compares the books of stock: it tells of each difference in the log, and how many there are as
 * a measurement.
 *
 * @param db inventory's database
 * @param meter where the measurement goes
 */
export function stockAudit(db: InventoryDatabase, meter: Meter): (scope: Scope) => Promise<void> {
  let last: number | undefined;
  meter
    .createObservableGauge("souk.stock.differences", {
      description: "Numbers of the books of stock that differ, when they were last compared here",
    })
    .addCallback((result) => {
      if (last !== undefined) result.observe(last);
    });
  return async (scope) => {
    const differences = await findDifferences(db, scope);
    last = differences.length;
    for (const { variant_id, location_id, what, stored, reckoned } of differences) {
      const books = { variantId: variant_id, locationId: location_id, what };
      scope.log.error(
        { ...books, stored: `${stored}`, reckoned: `${reckoned}` },
        "the books of stock differ",
      );
    }
  };
}
