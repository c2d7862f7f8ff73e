import type { InventoryDatabase } from "./database.ts";

/** How much there is of a variant. */
export interface Level {
  readonly variantId: string;
  /** How many can be sold now. */
  readonly available: bigint;
  /** How many are set aside for orders. */
  readonly reserved: bigint;
}

/**
 * The levels of some variants, in the order asked for; 0 for those that were never stocked.
 *
 * @param variantIds may repeat
 */
export async function getStock(db: InventoryDatabase, variantIds: readonly string[]): Promise<Level[]> {
  const stored = await db.sql
    .selectFrom("stock_level")
    .select(["variant_id", "available", "reserved"])
    .where("variant_id", "=", (it) => it.fn.any(it.val(variantIds)))
    .execute();
  const levels = new Map(stored.map((level) => [level.variant_id, level]));
  return variantIds.map((variantId) => {
    // The server writes ids in lower case, callers need not.
    const { available, reserved } = levels.get(variantId.toLowerCase()) ?? { available: 0n, reserved: 0n };
    return { variantId, available, reserved };
  });
}
