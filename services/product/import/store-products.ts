import { toBinary } from "@bufbuild/protobuf";
import { type RawBuilder, sql } from "kysely";
import {
  type Product,
  ProductSchema,
  ProductState,
  ProductStateSchema,
} from "#gen/souk/product/v1/product_pb.ts";
import type { ProductTransaction } from "../database.ts";
import { showPrices } from "../prices/show-prices.ts";
import { indexProducts } from "../search/index-products.ts";
import type { ProductChange } from "./merge-product.ts";

/**
 * Stores products with their variants, as staff keeps them and ready to be read. Variants that are
 * no longer part of a product are retired.
 *
 * @param changes each of another product
 * @param now the time of the transaction
 */
export async function storeProducts(
  tx: ProductTransaction,
  changes: readonly ProductChange[],
  now: Date,
): Promise<void> {
  const products = changes.map(({ product }) => product);
  const statements = [
    storeRows(changes),
    storeVariants(products),
    retireVariants(products),
    storeViews(products),
    ...indexProducts(products.map(({ id }) => id)),
  ];
  // They travel together and are carried out in this order.
  await Promise.all(statements.map((statement) => statement.execute(tx.sql)));
  const withMorePrices = changes.filter(({ hasMorePrices }) => hasMorePrices);
  if (withMorePrices.length === 0) return;
  const ids = withMorePrices.map(({ product }) => product.id);
  await Promise.all([dropOvertakenPrices(ids).execute(tx.sql), showPrices(tx, ids, now)]);
}

/** A variant has one ordinary price in its own currency, which may be another than before. */
function dropOvertakenPrices(productIds: readonly string[]): RawBuilder<unknown> {
  return sql`
    delete from variant_price using variant
    where variant.id = variant_id and product_id = any (${productIds}::uuid[])
      and variant_price.currency = variant.currency and customer_group = '' and min_quantity <= 1
      and start_time is null and end_time is null and not sale
  `;
}

function storeRows(changes: readonly ProductChange[]): RawBuilder<unknown> {
  const rows = changes.map(({ product, version }) => ({
    id: product.id,
    slug: product.slug,
    title: product.title,
    description_html: product.descriptionHtml,
    vendor: product.vendor,
    category_id: product.category?.id,
    tags: product.tags,
    options: product.options.map(({ name, values }) => ({ name, values })),
    images: product.images.map(({ url, alt }) => ({ url, alt })),
    state: ProductStateSchema.value[product.state]?.localName,
    tax_class: product.taxClass,
    version,
  }));
  return sql`
    insert into product (
      id, slug, title, description_html, vendor, category_id, tags, options, images, state, tax_class, version
    )
    select * from jsonb_to_recordset(${JSON.stringify(rows)}) as it (
      id uuid, slug text, title text, description_html text, vendor text, category_id uuid, tags text[],
      options jsonb, images jsonb, state text, tax_class text, version integer
    )
    on conflict (id) do update set
      slug = excluded.slug, title = excluded.title, description_html = excluded.description_html, vendor = excluded.vendor,
      category_id = excluded.category_id, tags = excluded.tags, options = excluded.options,
      images = excluded.images, state = excluded.state, tax_class = excluded.tax_class,
      version = excluded.version, update_time = now()
  `;
}

function storeVariants(products: readonly Product[]): RawBuilder<unknown> {
  const rows = products.flatMap(({ id: product_id, variants }) =>
    variants.map(({ id, sku, price, compareAtPrice, optionValues, grams, barcode }, position) => ({
      id,
      product_id,
      position,
      sku,
      price_minor: `${price?.minor}`,
      compare_at_minor: compareAtPrice && `${compareAtPrice.minor}`,
      currency: price?.currency,
      option_values: optionValues,
      grams,
      barcode,
    })),
  );
  return sql`
    insert into variant (
      id, product_id, position, sku, price_minor, compare_at_minor, currency, option_values, grams, barcode
    )
    select * from jsonb_to_recordset(${JSON.stringify(rows)}) as it (
      id uuid, product_id uuid, position integer, sku text, price_minor bigint, compare_at_minor bigint,
      currency text, option_values text[], grams integer, barcode text
    )
    on conflict (id) do update set
      position = excluded.position, sku = excluded.sku, price_minor = excluded.price_minor,
      compare_at_minor = excluded.compare_at_minor, currency = excluded.currency,
      option_values = excluded.option_values, grams = excluded.grams, barcode = excluded.barcode,
      price_version = variant.price_version + (
        (variant.price_minor, variant.currency) is distinct from (excluded.price_minor, excluded.currency)
      )::integer,
      retire_time = null
  `;
}

function retireVariants(products: readonly Product[]): RawBuilder<unknown> {
  const remaining = products.flatMap(({ variants }) => variants.map(({ id }) => id));
  return sql`
    update variant set retire_time = now()
    where product_id = any (${products.map(({ id }) => id)}::uuid[]) and retire_time is null
      and id <> all (${remaining}::uuid[])
  `;
}

function storeViews(products: readonly Product[]): RawBuilder<unknown> {
  return sql`
    insert into product_view (product_id, slug, category_id, is_published, view)
    select * from unnest(
      ${products.map(({ id }) => id)}::uuid[],
      ${products.map(({ slug }) => slug)}::text[],
      ${products.map(({ category }) => category?.id ?? null)}::uuid[],
      ${products.map(({ state }) => state === ProductState.PUBLISHED)}::boolean[],
      ${products.map((product) => Buffer.from(toBinary(ProductSchema, { ...product, rating: undefined })))}::bytea[]
    )
    on conflict (product_id) do update set
      slug = excluded.slug, category_id = excluded.category_id, is_published = excluded.is_published, view = excluded.view
  `;
}
