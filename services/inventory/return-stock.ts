import { principalKey } from "#kit/principal.ts";
import type { Scope } from "#kit/scope.ts";
import { bookOnce } from "./book-once.ts";
import type { InventoryDatabase } from "./database.ts";
import { requireActive, usualLocation } from "./locations.ts";
import { lockStock, type Move, moveStock } from "./move-stock.ts";

/** Goods that customers sent back. */
export interface Return {
  readonly id: string;
  /** Where they came; the usual location when left out. */
  readonly locationId?: string;
  readonly lines: readonly { variantId: string; quantity: bigint; writeOff: boolean }[];
}

/**
 * Books goods that came back, once a return. What cannot be sold again is written off at once, which the ledger
 * shows as damage.
 *
 * @param db inventory's database
 * @param scope the call
 * @param returned what came back
 * @throws SoukError LOCATION_NOT_FOUND or LOCATION_INACTIVE
 */
export async function returnStock(
  db: InventoryDatabase,
  scope: Scope,
  { id, locationId: named, lines }: Return,
): Promise<void> {
  await db.write(scope, async (tx) => {
    if (!(await bookOnce(tx, "RETURN", id))) return;
    const locationId = named ?? (await usualLocation(tx.sql));
    await requireActive(tx, [locationId]);
    const moves = lines.flatMap(({ variantId, quantity, writeOff }): Move[] => {
      const place = { variantId: variantId.toLowerCase(), locationId, reserved: 0n };
      const back: Move = { ...place, available: quantity, kind: "RETURN" };
      const lost: Move = { ...place, available: -quantity, kind: "ADJUSTMENT", reasonCode: "DAMAGE" };
      return writeOff ? [back, lost] : [back];
    });
    await lockStock(tx, moves);
    await moveStock(tx, moves, { referenceId: id, actor: principalKey(scope.principal) });
  });
}
