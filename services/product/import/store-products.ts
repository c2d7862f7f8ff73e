import { toBinary } from "@bufbuild/protobuf";
import { type RawBuilder, sql } from "kysely";
import {
  type Product,
  ProductSchema,
  ProductState,
  ProductStateSchema,
} from "#gen/souk/product/v1/product_pb.ts";
import type { ProductTransaction } from "../database.ts";
import { indexProducts } from "../search/index-products.ts";
import type { ProductChange } from "./merge-product.ts";

/**
 * Stores products with their variants, as staff keeps them and ready to be read. Variants that are
 * no longer part of a product are retired.
 *
 * @param changes each of another product
 */
export async function storeProducts(
  tx: ProductTransaction,
  changes: readonly ProductChange[],
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
    version,
  }));
  return sql`
    insert into product (id, slug, title, description_html, vendor, category_id, tags, options, images, state, version)
    select * from jsonb_to_recordset(${JSON.stringify(rows)}) as it (
      id uuid, slug text, title text, description_html text, vendor text, category_id uuid, tags text[],
      options jsonb, images jsonb, state text, version integer
    )
    on conflict (id) do update set
      title = excluded.title, description_html = excluded.description_html, vendor = excluded.vendor,
      category_id = excluded.category_id, tags = excluded.tags, options = excluded.options,
      images = excluded.images, state = excluded.state, version = excluded.version, update_time = now()
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
      position = excluded.position, price_minor = excluded.price_minor,
      compare_at_minor = excluded.compare_at_minor, currency = excluded.currency,
      option_values = excluded.option_values, grams = excluded.grams, barcode = excluded.barcode,
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
      ${products.map((product) => Buffer.from(toBinary(ProductSchema, product)))}::bytea[]
    )
    on conflict (product_id) do update set
      category_id = excluded.category_id, is_published = excluded.is_published, view = excluded.view
  `;
}
