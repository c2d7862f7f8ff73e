import { principalKey } from "#kit/principal.ts";
import type { Scope } from "#kit/scope.ts";
import type { InventoryDatabase } from "./database.ts";
import { type DetailedLevel, getDetailedStock } from "./get-stock.ts";
import { requireKnown } from "./known-variants.ts";
import { requireActive, usualLocation } from "./locations.ts";
import { lockStock, moveStock } from "./move-stock.ts";

/** A change of a level. */
export interface Adjustment {
  readonly variantId: string;
  /** Where; at the usual location when left out. */
  readonly locationId?: string;
  /** How many come (positive) or go (negative). */
  readonly delta: bigint;
  /** The kind of reason, as the contract names it. */
  readonly reasonCode?: string;
  /** Why, in words for the ledger. */
  readonly note: string;
}

/**
 * Changes how much is available of a variant at a location. The transaction keeps the answer under the call's
 * idempotency key, so the caller makes the answer.
 *
 * @param db inventory's database
 * @param scope the call
 * @param adjustment what to change
 * @param answer makes the answer of the level as changed
 * @throws SoukError STOCK_TOO_LOW when less than 0 would be available, VARIANT_NOT_FOUND, LOCATION_NOT_FOUND, LOCATION_INACTIVE
 */
export function adjustStock<R>(
  db: InventoryDatabase,
  scope: Scope,
  { variantId: anyCase, locationId: named, delta, reasonCode = "", note }: Adjustment,
  answer: (level: DetailedLevel) => R,
): Promise<R> {
  const variantId = anyCase.toLowerCase();
  return db.write(scope, async (tx) => {
    const locationId = named ?? (await usualLocation(tx.sql));
    await requireActive(tx, [locationId]);
    await requireKnown(tx, [variantId]);
    const place = { variantId, locationId };
    await lockStock(tx, [place]);
    const move = { ...place, available: delta, reserved: 0n, kind: "ADJUSTMENT", reasonCode, note } as const;
    await moveStock(tx, [move], { referenceId: undefined, actor: principalKey(scope.principal) });
    const [level] = await getDetailedStock(tx.sql, [variantId]);
    return answer(level as DetailedLevel);
  });
}
