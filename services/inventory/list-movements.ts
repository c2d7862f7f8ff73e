import { type Selectable, sql } from "kysely";
import { plannedEachTime } from "#kit/data/planned-each-time.ts";
import type { Tables } from "#kit/data/tables.ts";
import type { InventorySql } from "./database.ts";
import type { entities, MovementKindName } from "./entities.ts";

/** A line of the ledger as it is stored. */
export type StoredMovement = Selectable<Tables<typeof entities>["stock_movement"]>;

/** Which movements are listed. */
export interface MovementFilter {
  readonly variantId?: string;
  readonly locationId?: string;
  readonly referenceId?: string;
  readonly kinds?: readonly MovementKindName[];
}

/**
 * Movements of stock, the newest first.
 *
 * @param db where to read
 * @param filter which ones
 * @param limit how many at most
 * @param before the movement after which to go on; from the newest when left out
 */
export async function listMovements(
  db: InventorySql,
  { variantId, locationId, referenceId, kinds }: MovementFilter,
  limit: number,
  before?: string,
): Promise<StoredMovement[]> {
  return (
    db
      .selectFrom("stock_movement")
      .modifyFront(plannedEachTime)
      .selectAll()
      .$if(variantId !== undefined, (query) => query.where("variant_id", "=", variantId as string))
      // What moved at a location may all be long ago: only its own index has the order that is asked for here, which
      // an equation would hide.
      .$if(locationId !== undefined, (query) =>
        query
          .where("location_id", ">=", locationId as string)
          .where("location_id", "<=", locationId as string)
          .orderBy("location_id", "desc"),
      )
      .$if(referenceId !== undefined, (query) => query.where("reference_id", "=", referenceId as string))
      // Written out, so that the index on the rare kinds can serve.
      .$if(kinds !== undefined, (query) =>
        query.where("kind", "in", (kinds ?? []).map((kind) => sql.lit(kind)) as never),
      )
      .$if(before !== undefined, (query) => query.where("id", "<", BigInt(before as string)))
      .orderBy("id", "desc")
      .limit(limit)
      .execute()
  );
}
