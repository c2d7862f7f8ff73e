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
 * Replaces the prices of a variant. The price to compare with that a file gave it stays while the ordinary price is
 * lower. Prices that are like that already are not touched.
 *
 * @throws SoukError VARIANT_NOT_FOUND, PRICES_INCOMPLETE, ETAG_MISMATCH
 */
export function setVariantPrices(
  db: ProductDatabase,
  scope: Scope,
  { variantId, prices, etag }: PricesToSet,
): Promise<PricedVariant> {
  return db.write(scope, async (tx) => {
    const [now, [known]] = await Promise.all([
      lockCatalogue(tx),
      readVariantPrices(tx.sql, { variants: [variantId] }),
    ]);
    if (known === undefined) throw unknownVariant(variantId);
    const ordinary = prices.find((price) => isOrdinary(price) && price.currency === known.own.currency);
    if (ordinary === undefined) throw incompletePrices(known.own.currency);
    const others = prices.filter((price) => price !== ordinary);
    if (ordinary.minor === known.own.minor && isDeepStrictEqual(others, known.others)) return known;
    requireEtag(etag, known.version, "the prices of the variant");
    await Promise.all([
      updateVariant(variantId, ordinary.minor).execute(tx.sql),
      tx.sql.deleteFrom("variant_price").where("variant_id", "=", variantId).execute(),
      insertPrices(variantId, others).execute(tx.sql),
    ]);
    const { productId } = known;
    await showPrices(tx, [productId], now);
    tx.emit(VariantPricesChangedSchema, { productId, variantId });
    const compareAt = [known.own.compareAt].find((minor) => minor !== undefined && minor > ordinary.minor);
    const own = { ...known.own, minor: ordinary.minor, compareAt };
    return { ...known, own, others, version: known.version + 1 };
  });
}

function updateVariant(id: string, minor: bigint): RawBuilder<unknown> {
  return sql`
    update variant set
      price_minor = ${minor},
      compare_at_minor = case when compare_at_minor > ${minor}::bigint then compare_at_minor end,
      price_version = price_version + 1
    where id = ${id}
  `;
}

function insertPrices(variantId: string, prices: readonly ConditionalPrice[]): RawBuilder<unknown> {
  const rows = prices.map(({ minor, currency, customerGroup, minQuantity, start, end, sale }, position) => ({
    position,
    price_minor: `${minor}`,
    currency,
    customer_group: customerGroup,
    min_quantity: `${minQuantity}`,
    start_time: start,
    end_time: end,
    sale,
  }));
  return sql`
    insert into variant_price (
      variant_id, position, price_minor, currency, customer_group, min_quantity, start_time, end_time, sale
    )
    select ${variantId}::uuid, it.* from jsonb_to_recordset(${JSON.stringify(rows)}) as it (
      position integer, price_minor bigint, currency text, customer_group text, min_quantity bigint,
      start_time timestamptz, end_time timestamptz, sale boolean
    )
  `;
}

function unknownVariant(variantId: string) {
  return refuse(ErrorReason.VARIANT_NOT_FOUND, `no product has a variant ${variantId}`, {
    metadata: { variant_id: variantId },
  });
}

function incompletePrices(currency: string) {
  const description = `one must be in ${currency}, the variant's own currency, and hold for everyone at any time; it is no sale`;
  return refuse(ErrorReason.PRICES_INCOMPLETE, `prices: ${description}`, {
    metadata: { currency },
    violations: [{ field: "prices", description }],
  });
}
