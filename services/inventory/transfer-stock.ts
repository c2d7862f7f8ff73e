import { uuidv7 } from "uuidv7";
import { principalKey } from "#kit/principal.ts";
import type { Scope } from "#kit/scope.ts";
import type { InventoryDatabase } from "./database.ts";
import { ErrorReason, refuse } from "./errors.ts";
import { requireKnown } from "./known-variants.ts";
import { requireActive } from "./locations.ts";
import { lockStock, type Move, moveStock } from "./move-stock.ts";
import { requireTransfer, type StoredTransfer } from "./transfers.ts";

/** Stock that is to go to another location. */
export interface NewTransfer {
  readonly fromLocationId: string;
  readonly toLocationId: string;
  /** Lines with the same variant count together. */
  readonly lines: readonly { variantId: string; quantity: bigint }[];
  readonly note: string;
}

/**
 * Sends stock to another location; until it is received it is for sale nowhere. The transaction keeps the answer under
 * the call's idempotency key, so the caller makes the answer.
 *
 * @param db inventory's database
 * @param scope the call
 * @param transfer what goes where
 * @param answer makes the answer of the transfer as sent
 * @throws SoukError TRANSFER_TO_SELF, LOCATION_NOT_FOUND, LOCATION_INACTIVE, VARIANT_NOT_FOUND, or STOCK_TOO_LOW
 */
export async function transferStock<R>(
  db: InventoryDatabase,
  scope: Scope,
  { fromLocationId, toLocationId, lines, note }: NewTransfer,
  answer: (transfer: StoredTransfer) => R,
): Promise<R> {
  if (fromLocationId === toLocationId) throw toSelf(fromLocationId);
  const quantities = new Map<string, bigint>();
  for (const { variantId: anyCase, quantity } of lines) {
    const variantId = anyCase.toLowerCase();
    quantities.set(variantId, (quantities.get(variantId) ?? 0n) + quantity);
  }
  const moves = [...quantities].map(
    ([variantId, quantity]): Move => ({
      variantId,
      locationId: fromLocationId,
      available: -quantity,
      reserved: 0n,
      kind: "TRANSFER_OUT",
    }),
  );
  const id = uuidv7();
  return db.write(scope, async (tx) => {
    await requireActive(tx, [fromLocationId, toLocationId]);
    await requireKnown(tx, [...quantities.keys()]);
    await lockStock(tx, moves);
    await moveStock(tx, moves, { referenceId: id, actor: principalKey(scope.principal) });
    await tx.sql
      .insertInto("transfer")
      .values({
        id,
        from_location_id: fromLocationId,
        to_location_id: toLocationId,
        state: "IN_TRANSIT",
        note,
        end_time: null,
      })
      .execute();
    await tx.sql
      .insertInto("transfer_line")
      .values(
        [...quantities].map(([variant_id, quantity]) => ({
          transfer_id: id,
          variant_id,
          quantity,
          in_transit: quantity,
        })),
      )
      .execute();
    return answer(await requireTransfer(tx.sql, id));
  });
}

function toSelf(locationId: string) {
  return refuse(
    ErrorReason.TRANSFER_TO_SELF,
    "a transfer goes from one location to another; name another location as to_location_id",
    {
      metadata: { location_id: locationId },
      violations: [{ field: "to_location_id", description: "is the same as from_location_id" }],
    },
  );
}
