import { sql } from "kysely";
import type { InventoryTransaction } from "./database.ts";
import { ErrorReason, refuse } from "./errors.ts";

/** When what product just made is likely to be known here, in ms. */
const RETRY_AFTER_MS = 1_000;

/** A variant and the merchant's number of it. */
export interface NumberedVariant {
  readonly variantId: string;
  readonly sku: string;
}

/**
 * Notes variants that product tells of, and their numbers; from then on they can be stocked. Their levels are locked
 * in the order of their ids, as all are.
 *
 * @param tx the transaction
 * @param variants ids in lower case, each once
 */
export async function noteVariants(
  tx: InventoryTransaction,
  variants: readonly NumberedVariant[],
): Promise<void> {
  if (variants.length === 0) return;
  await sql`
    insert into stock_level (variant_id, sku)
    select variant_id, sku from unnest(
      ${variants.map(({ variantId }) => variantId)}::uuid[], ${variants.map(({ sku }) => sku)}::text[]
    ) as it (variant_id, sku)
    order by variant_id
    on conflict (variant_id) do update set sku = excluded.sku
  `.execute(tx.sql);
}

/**
 * Requires that product has told of variants: stock of others would lie there for nobody.
 *
 * @param tx the transaction
 * @param variantIds the variants
 * @throws SoukError VARIANT_NOT_FOUND
 */
export async function requireKnown(tx: InventoryTransaction, variantIds: readonly string[]): Promise<void> {
  const { rows } = await sql<{ id: string }>`
    select id from unnest(${variantIds}::uuid[]) as it (id)
    where not exists (select from stock_level where variant_id = id) limit 1
  `.execute(tx.sql);
  const [unknown] = rows;
  if (unknown === undefined) return;
  throw refuse(
    ErrorReason.VARIANT_NOT_FOUND,
    `product has told of no variant ${unknown.id}; correct its id, or try again in a moment where it was just made`,
    { metadata: { variant_id: unknown.id }, retryAfterMs: RETRY_AFTER_MS },
  );
}
