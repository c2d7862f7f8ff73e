import { sql } from "kysely";
import type { ProductTransaction } from "./database.ts";

/**
 * Waits until nobody else changes the catalogue, so that changes of it are made one after the other.
 *
 * @returns the time of the transaction
 */
export async function lockCatalogue(tx: ProductTransaction): Promise<Date> {
  const { now } = await tx.sql
    .selectFrom("catalogue")
    .select(sql<Date>`now()`.as("now"))
    .forUpdate()
    .executeTakeFirstOrThrow();
  return now;
}
