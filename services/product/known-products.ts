import { create } from "@bufbuild/protobuf";
import { sql } from "kysely";
import { MoneySchema } from "#gen/souk/mesh/v1/money_pb.ts";
import type { Product } from "#gen/souk/product/v1/product_pb.ts";
import type { ProductTransaction } from "./database.ts";
import { type StoredView, toProduct } from "./product-view.ts";

/** A product as it is stored. */
export interface KnownProduct {
  /** With the ordinary prices of its variants, whatever shoppers see at the moment. */
  readonly view: Product;
  readonly version: number;
  /** The ids of all variants that it has or had, by SKU. */
  readonly variantIds: ReadonlyMap<string, string>;
  /** Whether its variants have more prices than the ordinary ones. */
  readonly hasMorePrices: boolean;
}

interface Row extends StoredView {
  readonly version: number;
  readonly variants: readonly {
    readonly id: string;
    readonly sku: string;
    readonly minor: string;
    readonly compare_at: string | null;
    readonly currency: string;
  }[];
  readonly has_more_prices: boolean;
}

/**
 * Reads products that are to be changed, in one statement.
 *
 * @param by their ids or their slugs
 * @returns those that there are, by what they were asked for
 */
export async function readKnownProducts(
  tx: ProductTransaction,
  by: { readonly ids: readonly string[] } | { readonly slugs: readonly string[] },
): Promise<ReadonlyMap<string, KnownProduct>> {
  const [column, names] = "ids" in by ? ["product.id", by.ids] : ["product.slug", by.slugs];
  const { rows } = await sql<Row>`
    select version, view, stars, variants, has_more_prices
    from product join product_view on product_view.product_id = product.id cross join lateral (
      select
        coalesce(jsonb_agg(jsonb_build_object(
          'id', id, 'sku', sku, 'minor', price_minor::text, 'compare_at', compare_at_minor::text, 'currency', currency
        )), '[]') as variants,
        coalesce(bool_or(exists (select from variant_price where variant_id = variant.id)), false) as has_more_prices
      from variant where variant.product_id = product.id
    ) as it
    where ${sql.ref(column as string)} = any (${sql.val(names)})
  `.execute(tx.sql);
  return new Map(
    rows.map((row) => {
      const view = toProduct(row);
      if (row.has_more_prices) showOrdinaryPrices(view, row.variants);
      const variantIds = new Map(row.variants.map(({ sku, id }) => [sku, id]));
      const known = { view, version: row.version, variantIds, hasMorePrices: row.has_more_prices };
      return ["ids" in by ? view.id : view.slug, known];
    }),
  );
}

function showOrdinaryPrices(view: Product, stored: Row["variants"]): void {
  const byId = new Map(stored.map((variant) => [variant.id, variant]));
  for (const variant of view.variants) {
    const own = byId.get(variant.id);
    if (own === undefined) continue;
    variant.price = create(MoneySchema, { minor: BigInt(own.minor), currency: own.currency });
    if (own.compare_at === null) delete variant.compareAtPrice;
    else {
      const { compare_at, currency } = own;
      variant.compareAtPrice = create(MoneySchema, { minor: BigInt(compare_at), currency });
    }
  }
}
