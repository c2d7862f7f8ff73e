import { principalKey } from "#kit/principal.ts";
import type { Scope } from "#kit/scope.ts";
import type { InventoryDatabase } from "./database.ts";
import { lockStock, type Move, moveStock } from "./move-stock.ts";
import {
  endStockTake,
  lockStockTake,
  refuseEnded,
  requireStockTake,
  type StoredStockTake,
} from "./stock-takes.ts";

/**
 * Ends a count: each level changes by what was counted more or less than should have been there when it was counted,
 * so that what moved since counts too. One that was completed already stays as it is.
 *
 * @param db inventory's database
 * @param scope the call
 * @param id the count
 * @throws SoukError STOCK_TAKE_NOT_FOUND, STOCK_TAKE_ENDED when it was cancelled, or STOCK_TOO_LOW when what is missing
 *   is set aside for orders
 */
export function completeStockTake(db: InventoryDatabase, scope: Scope, id: string): Promise<StoredStockTake> {
  return db.write(scope, async (tx) => {
    const { state, location_id: locationId } = await lockStockTake(tx, id);
    if (state === "CANCELLED") throw refuseEnded(id, state);
    if (state === "OPEN") {
      const lines = await tx.sql
        .selectFrom("stock_take_line")
        .select(["variant_id", "expected", "counted"])
        .where("stock_take_id", "=", id)
        .whereRef("counted", "<>", "expected")
        .orderBy("variant_id")
        .execute();
      const moves = lines.map(
        ({ variant_id, expected, counted }): Move => ({
          variantId: variant_id,
          locationId,
          available: (counted ?? expected) - expected,
          reserved: 0n,
          kind: "STOCK_TAKE",
        }),
      );
      await lockStock(tx, moves);
      await moveStock(tx, moves, { referenceId: id, actor: principalKey(scope.principal) });
      await endStockTake(tx, id, "COMPLETED");
    }
    return requireStockTake(tx.sql, id);
  });
}
