import { isDeepStrictEqual } from "node:util";
import { type RawBuilder, sql } from "kysely";
import { VariantPricesChangedSchema } from "#gen/souk/product/v1/events_pb.ts";
import type { Scope } from "#kit/scope.ts";
import type { ProductDatabase } from "../database.ts";
import { ErrorReason, refuse } from "../errors.ts";
import { requireEtag } from "../etag.ts";
import { lockCatalogue } from "../lock-catalogue.ts";
import { type ConditionalPrice, isOrdinary } from "./conditional-price.ts";
import { showPrices } from "./show-prices.ts";
import { type PricedVariant, readVariantPrices } from "./variant-prices.ts";

/** The prices that a variant shall have. */
export interface PricesToSet {
  readonly variantId: string;
  /** All of them, no two under the same conditions. */
  readonly prices: readonly ConditionalPrice[];
  /** Of the prices that the caller read; empty takes any. */
  readonly etag: string;
}

/**
 * Replaces the prices of variants, all of them or none, in as many statements as those of one. The price to compare with
 * that a file gave a variant stays while the ordinary price is lower. Prices that are like that already are not touched.
 *
 * @param wanted each of another variant
 * @returns their prices, in the same order
 * @throws SoukError VARIANT_NOT_FOUND, PRICES_INCOMPLETE, ETAG_MISMATCH
 */
export function setVariantPrices(
  db: ProductDatabase,
  scope: Scope,
  wanted: readonly PricesToSet[],
): Promise<PricedVariant[]> {
  return db.write(scope, async (tx) => {
    const [now, variants] = await Promise.all([
      lockCatalogue(tx),
      readVariantPrices(tx.sql, { variants: wanted.map(({ variantId }) => variantId) }),
    ]);
    const known = new Map(variants.map((variant) => [variant.id, variant]));
    const priced = wanted.map((prices) => reprice(known.get(prices.variantId), prices));
    const changed = priced.filter((variant) => !variants.includes(variant));
    if (changed.length === 0) return priced;
    const ids = changed.map(({ id }) => id);
    await Promise.all([
      updateVariants(changed).execute(tx.sql),
      tx.sql
        .deleteFrom("variant_price")
        .where("variant_id", "=", (it) => it.fn.any(it.val(ids)))
        .execute(),
      insertPrices(changed).execute(tx.sql),
      showPrices(tx, [...new Set(changed.map(({ productId }) => productId))], now),
    ]);
    for (const { id, productId } of changed)
      tx.emit(VariantPricesChangedSchema, { productId, variantId: id });
    return priced;
  });
}

/** A variant with the prices that it shall have; the same one where it has them. */
function reprice(known: PricedVariant | undefined, { variantId, prices, etag }: PricesToSet): PricedVariant {
  if (known === undefined) throw unknownVariant(variantId);
  const ordinary = prices.find((price) => isOrdinary(price) && price.currency === known.own.currency);
  if (ordinary === undefined) throw incompletePrices(variantId, known.own.currency);
  const others = prices.filter((price) => price !== ordinary);
  if (ordinary.minor === known.own.minor && isDeepStrictEqual(others, known.others)) return known;
  requireEtag(etag, known.version, `the prices of the variant ${variantId}`);
  const compareAt = [known.own.compareAt].find((minor) => minor !== undefined && minor > ordinary.minor);
  const own = { ...known.own, minor: ordinary.minor, compareAt };
  return { ...known, own, others, version: known.version + 1 };
}

function updateVariants(variants: readonly PricedVariant[]): RawBuilder<unknown> {
  return sql`
    update variant set price_minor = it.price_minor, compare_at_minor = it.compare_at_minor, price_version = it.version
    from unnest(
      ${variants.map(({ id }) => id)}::uuid[], ${variants.map(({ own }) => own.minor)}::bigint[],
      ${variants.map(({ own }) => own.compareAt ?? null)}::bigint[], ${variants.map(({ version }) => version)}::integer[]
    ) as it (id, price_minor, compare_at_minor, version)
    where variant.id = it.id
  `;
}

function insertPrices(variants: readonly PricedVariant[]): RawBuilder<unknown> {
  const rows = variants.flatMap(({ id, others }) =>
    others.map(({ minor, currency, customerGroup, minQuantity, start, end, sale }, position) => ({
      variant_id: id,
      position,
      price_minor: `${minor}`,
      currency,
      customer_group: customerGroup,
      min_quantity: `${minQuantity}`,
      start_time: start,
      end_time: end,
      sale,
    })),
  );
  return sql`
    insert into variant_price (
      variant_id, position, price_minor, currency, customer_group, min_quantity, start_time, end_time, sale
    )
    select * from jsonb_to_recordset(${JSON.stringify(rows)}) as it (
      variant_id uuid, position integer, price_minor bigint, currency text, customer_group text, min_quantity bigint,
      start_time timestamptz, end_time timestamptz, sale boolean
    )
  `;
}

function unknownVariant(variantId: string) {
  return refuse(ErrorReason.VARIANT_NOT_FOUND, `no product has a variant ${variantId}`, {
    metadata: { variant_id: variantId },
  });
}

function incompletePrices(variantId: string, currency: string) {
  const description = `one must be in ${currency}, the variant's own currency, and hold for everyone at any time; it is no sale`;
  return refuse(ErrorReason.PRICES_INCOMPLETE, `prices: ${description}`, {
    metadata: { variant_id: variantId, currency },
    violations: [{ field: "prices", description }],
  });
}
