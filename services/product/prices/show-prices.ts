import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { sql } from "kysely";
import { MoneySchema } from "#gen/souk/mesh/v1/money_pb.ts";
import { type Product, ProductSchema } from "#gen/souk/product/v1/product_pb.ts";
import type { ProductTransaction } from "../database.ts";
import { nextTurn, shownPrice } from "./shown-price.ts";
import { type PricedVariant, readVariantPrices } from "./variant-prices.ts";

/** A variant whose price looks different now. */
export interface Repriced {
  readonly productId: string;
  readonly variantId: string;
}

/**
 * Makes what shoppers see as the prices of some products what holds at a moment, and notes when that changes next.
 * Three statements, however many products.
 *
 * @param productIds the products, stored before with their views
 * @param now the moment
 * @returns the variants whose price looks different now
 */
export async function showPrices(
  tx: ProductTransaction,
  productIds: readonly string[],
  now: Date,
): Promise<Repriced[]> {
  const [stored, variants] = await Promise.all([
    tx.sql
      .selectFrom("product_view")
      .select(["product_id", "view"])
      .where("product_id", "=", (it) => it.fn.any(it.val(productIds)))
      .execute(),
    readVariantPrices(tx.sql, { products: productIds }),
  ]);
  const priced = new Map(variants.map((variant) => [variant.id, variant]));
  const repriced: Repriced[] = [];
  const views = stored.map(({ view }) => {
    const product = fromBinary(ProductSchema, view);
    repriced.push(...showPricesOf(product, priced, now));
    return product;
  });
  const ownPrices = Map.groupBy(variants, ({ productId }) => productId);
  const turns = views.map(({ id }) => {
    const prices = (ownPrices.get(id) ?? []).flatMap(({ own, others }) =>
      others.filter(({ currency }) => currency === own.currency),
    );
    return nextTurn(prices, now) ?? null;
  });
  await sql`
    with shown as (
      select * from unnest(
        ${views.map(({ id }) => id)}::uuid[],
        ${views.map((product) => Buffer.from(toBinary(ProductSchema, product)))}::bytea[],
        ${turns}::timestamptz[]
      ) as it (id, view, turn_time)
    ), turn as (
      update product set price_turn_time = turn_time from shown where product.id = shown.id
    )
    update product_view set view = shown.view from shown where product_id = shown.id
  `.execute(tx.sql);
  return repriced;
}

/** Shows the prices of one product, and tells those that look different now. */
function showPricesOf(product: Product, priced: ReadonlyMap<string, PricedVariant>, now: Date): Repriced[] {
  return product.variants.flatMap((variant) => {
    const found = priced.get(variant.id);
    if (found === undefined) return [];
    const { own, others } = found;
    const { minor, compareAt } = shownPrice(own, others, now);
    const [before, comparedBefore] = [variant.price?.minor, variant.compareAtPrice?.minor];
    variant.price = create(MoneySchema, { minor, currency: own.currency });
    if (compareAt === undefined) delete variant.compareAtPrice;
    else variant.compareAtPrice = create(MoneySchema, { minor: compareAt, currency: own.currency });
    const isSame = before === minor && comparedBefore === compareAt;
    return isSame ? [] : { productId: product.id, variantId: variant.id };
  });
}
