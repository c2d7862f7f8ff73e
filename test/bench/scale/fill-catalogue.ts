import { create, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type pg from "pg";
import { type Product, ProductSchema, ProductState } from "#gen/souk/product/v1/product_pb.ts";
import { poolDialect, queryBuilder } from "#kit/data/kysely.ts";
import { indexProducts } from "../../../services/product/search/index-products.ts";
import { makeUpProduct, SIZES, THINGS } from "../catalogue.ts";
import { copyBytes, copyRows, copyText } from "./bulk-load.ts";
import { categoryId, type GeneratedShop, isPublished, productId, productTime, variantId } from "./size.ts";

const CURRENCY = "EUR";
/** Each so-manieth product has prices in dollars as well. */
const IN_DOLLARS = 5;
/** How many products are indexed at a time. */
const BATCH = 5_000;

/**
 * Fills the database of product: the catalogue, what shoppers see of it, and what search knows of it.
 *
 * @param client a connection
 * @param shop the shop
 */
export async function fillCatalogue(client: pg.Client, shop: GeneratedShop): Promise<void> {
  const categories = THINGS.map((thing, index) => categoryOf(shop, `${thing}s`, index));
  // What the shop was opened with makes room.
  await client.query(
    "truncate category, product, variant, variant_price, product_view, search_document, search_word, search_lexeme, review, review_report, purchase",
  );
  await copyRows(
    client,
    "category (id, slug, name)",
    categories.map(({ id, slug, name }) => [id, slug, name]),
  );
  await copyRows(
    client,
    "product (id, slug, title, description_html, vendor, category_id, tags, options, images, state, create_time, update_time)",
    each(shop, productRow),
  );
  await copyRows(
    client,
    "variant (id, product_id, position, sku, price_minor, currency, option_values, grams, barcode)",
    variantRows(shop),
  );
  await copyRows(
    client,
    "product_view (product_id, slug, category_id, is_published, view)",
    each(shop, viewRow),
  );
  await client.query(
    `insert into variant_price (variant_id, position, price_minor, currency, customer_group, min_quantity, sale)
     select id, 0, price_minor * 11 / 10, 'USD', '', 0, false from variant
      where substr(sku, 2, strpos(sku, '-') - 2)::int % ${IN_DOLLARS} = 0`,
  );
  await client.query(
    `update category set products = size.products from (
       select category_id, count(*) as products from product_view where is_published group by category_id
     ) as size where category_id = id`,
  );
  await indexCatalogue(client, shop);
}

/** With what the service itself keeps its search up to date with. */
async function indexCatalogue(client: pg.Client, shop: GeneratedShop): Promise<void> {
  const sql = queryBuilder(poolDialect(undefined as never), async (text, values) => {
    const { rows, rowCount, command } = await client.query(text, [...values]);
    return { rows, rowCount: rowCount ?? 0, command };
  });
  for (let from = 0; from < shop.products; from += BATCH) {
    const size = Math.min(BATCH, shop.products - from);
    const ids = Array.from({ length: size }, (_, index) => productId(shop, from + index));
    for (const statement of indexProducts(ids)) await statement.execute(sql);
  }
}

function* each(
  shop: GeneratedShop,
  row: (shop: GeneratedShop, number: number) => string[],
): Generator<string[]> {
  for (let number = 0; number < shop.products; number++) yield row(shop, number);
}

function categoryOf(shop: GeneratedShop, type: string, index: number) {
  const slug = type.toLowerCase();
  return { id: categoryId(shop, index), slug, name: `${slug.charAt(0).toUpperCase()}${slug.slice(1)}` };
}

function stateOf(number: number): "DRAFT" | "ARCHIVED" | "PUBLISHED" {
  if (isPublished(number)) return "PUBLISHED";
  return number % 2 === 0 ? "DRAFT" : "ARCHIVED";
}

function messageOf(shop: GeneratedShop, number: number): Product {
  const { handle, title, body, vendor, type, tags, price } = makeUpProduct(number);
  const category = categoryOf(shop, type, THINGS.indexOf(type.toLowerCase().slice(0, -1)));
  const time = timestampFromMs(productTime(shop, number));
  return create(ProductSchema, {
    id: productId(shop, number),
    slug: handle,
    title,
    descriptionHtml: body,
    vendor,
    category,
    tags: [...tags],
    options: [{ name: "Size", values: [...SIZES] }],
    variants: SIZES.map((size, position) => ({
      id: variantId(shop, number * SIZES.length + position),
      sku: skuOf(number, position),
      price: { minor: BigInt(price), currency: CURRENCY },
      optionValues: [size],
      grams: 800,
    })),
    images: [{ url: `/images/${category.slug.slice(0, -1)}.svg`, alt: title }],
    state: ProductState[stateOf(number)],
    createTime: time,
    updateTime: time,
    etag: "1",
    taxClass: "standard",
  });
}

function skuOf(product: number, position: number): string {
  return `B${product}-${position}`;
}

function productRow(shop: GeneratedShop, number: number): string[] {
  const { handle, title, body, vendor, type, tags } = makeUpProduct(number);
  const category = categoryOf(shop, type, THINGS.indexOf(type.toLowerCase().slice(0, -1)));
  const time = new Date(productTime(shop, number)).toISOString();
  const options = JSON.stringify([{ name: "Size", values: SIZES }]);
  const images = JSON.stringify([{ alt: title, url: `/images/${category.slug.slice(0, -1)}.svg` }]);
  return [
    ...[productId(shop, number), handle, title, copyText(body), vendor, category.id, `{${tags.join(",")}}`],
    ...[options, images, stateOf(number), time, time],
  ];
}

function* variantRows(shop: GeneratedShop): Generator<string[]> {
  for (let number = 0; number < shop.products * SIZES.length; number++) {
    const product = Math.floor(number / SIZES.length);
    const position = number % SIZES.length;
    yield [
      ...[variantId(shop, number), productId(shop, product), String(position), skuOf(product, position)],
      ...[String(makeUpProduct(product).price), CURRENCY, `{${SIZES[position]}}`, "800", ""],
    ];
  }
}

function viewRow(shop: GeneratedShop, number: number): string[] {
  const message = messageOf(shop, number);
  return [
    ...[message.id, message.slug, message.category?.id ?? "\\N", String(stateOf(number) === "PUBLISHED")],
    copyBytes(toBinary(ProductSchema, message)),
  ];
}
