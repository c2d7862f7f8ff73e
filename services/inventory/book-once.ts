import type { InventoryTransaction } from "./database.ts";

/**
 * Takes the right to move the stock of a shipment, reduction, return, change or arrival, once. One that is under way is
 * waited for.
 *
 * @param tx the transaction that moves the stock
 * @param kind what it is
 * @param id which one it is
 * @returns whether it is new
 */
export async function bookOnce(
  tx: InventoryTransaction,
  kind: "SHIPMENT" | "REDUCTION" | "RETURN" | "CHANGE" | "ARRIVAL",
  id: string,
): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx.sql
    .insertInto("booking")
    .values({ kind, id })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return numInsertedOrUpdatedRows === 1n;
}
