import type { Meter } from "@opentelemetry/api";
import { sql } from "kysely";
import type { Scope } from "#kit/scope.ts";
import { compare, compareFrom } from "./check-ledger.ts";
import type { InventoryDatabase } from "./database.ts";

/** How many variants one run compares, beside those that differed before: a larger stock takes several runs. */
const MOST_COMPARED = 50_000;
/** How many variants that differ are looked at again in each run. */
const MOST_DIFFERING = 1_000;

/**
 * Makes the job that compares the books of stock: it tells of each difference in the log, and how many there are as
 * a measurement. Each run goes on where the last one stopped.
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
    const { rows } = await sql<{ compared_to: string | null; differing: string[] }>`
      select compared_to, differing::text[] from stock_audit`.execute(db.sql);
    const { compared_to = null, differing = [] } = rows[0] ?? {};
    const found = await compareFrom(db, scope, compared_to, MOST_COMPARED);
    const isNew = new Set(found.differences.map(({ variant_id }) => variant_id));
    const before = await compare(
      db,
      differing.filter((variantId) => !isNew.has(variantId)),
    );
    const differences = [...before, ...found.differences];
    const variants = [...new Set(differences.map(({ variant_id }) => variant_id))].slice(0, MOST_DIFFERING);
    await sql`update stock_audit set compared_to = ${found.last}::uuid, differing = ${variants}::uuid[]`.execute(
      db.sql,
    );
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
