import { sql } from "kysely";
import { principalKey } from "#kit/principal.ts";
import type { Scope } from "#kit/scope.ts";
import type { InventoryDatabase, InventoryTransaction } from "./database.ts";
import { ErrorReason, refuse } from "./errors.ts";
import type { Level } from "./get-stock.ts";

/** A change of a level. */
export interface Adjustment {
  readonly variantId: string;
  /** How many come (positive) or go (negative). */
  readonly delta: bigint;
  /** Why, in words for the ledger. */
  readonly note: string;
}

/**
 * Changes how much is available of a variant. The transaction keeps the answer under the call's
 * idempotency key, so the caller makes the answer.
 *
 * @param answer makes the answer of the level as changed
 * @throws SoukError STOCK_TOO_LOW when less than 0 would be available
 */
export function adjustStock<R>(
  db: InventoryDatabase,
  scope: Scope,
  adjustment: Adjustment,
  answer: (level: Level) => R,
): Promise<R> {
  return db.write(scope, async (tx) => {
    const level = await change(tx, adjustment, principalKey(scope.principal));
    if (level === undefined) throw await tooLow(tx, adjustment);
    return answer(level);
  });
}

async function change(
  tx: InventoryTransaction,
  { variantId, delta, note }: Adjustment,
  reference: string,
): Promise<Level | undefined> {
  const changing =
    delta < 0n
      ? sql`
          update stock_level set available = available + ${delta}
          where variant_id = ${variantId}::uuid and available + ${delta} >= 0`
      : sql`
          insert into stock_level (variant_id, available) values (${variantId}::uuid, ${delta})
          on conflict (variant_id) do update set available = stock_level.available + excluded.available`;
  const { rows } = await sql<Level>`
    with changed as (${changing} returning variant_id, available, reserved), recorded as (
      insert into stock_movement (variant_id, available_delta, reserved_delta, reason, reference, note)
      select variant_id, ${delta}, 0, 'ADJUSTMENT', ${reference}, ${note} from changed
    )
    select variant_id as "variantId", available, reserved from changed
  `.execute(tx.sql);
  return rows[0];
}

async function tooLow(tx: InventoryTransaction, { variantId, delta }: Adjustment) {
  const stored = await tx.sql
    .selectFrom("stock_level")
    .select("available")
    .where("variant_id", "=", variantId)
    .executeTakeFirst();
  const available = stored?.available ?? 0n;
  return refuse(
    ErrorReason.STOCK_TOO_LOW,
    `only ${available} of variant ${variantId} are available, so ${-delta} cannot go; take away ${available} at most`,
    { metadata: { variant_id: variantId, available: `${available}`, requested: `${-delta}` } },
  );
}
