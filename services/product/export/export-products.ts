import { fromBinary } from "@bufbuild/protobuf";
import { type Product, ProductSchema, ProductState } from "#gen/souk/product/v1/product_pb.ts";
import type { Scope } from "#kit/scope.ts";
import {
  HEADER_ROW,
  type WrittenProduct,
  type WrittenVariant,
  writeProduct,
} from "../catalogue/write-shopify-csv.ts";
import type { ProductDatabase } from "../database.ts";
import { isOrdinary } from "../prices/conditional-price.ts";
import { type PricedVariant, readVariantPrices } from "../prices/variant-prices.ts";

/** How many products are read at a time. */
const BATCH = 100;

/** What to export. */
export interface CatalogueExport {
  /** The currency of the prices, as an ISO 4217 code. */
  readonly currency: string;
  /** How many decimals the amounts of the currency have. */
  readonly minorDigits: number;
  /** Empty for all categories. */
  readonly categorySlug: string;
}

/**
 * Writes the catalogue in Shopify's product format, oldest product first, while it is being read. Products without a
 * variant are left out: such a file has no row for them. Sales and prices for groups or quantities have no column.
 *
 * @param scope the work; when it is aborted nothing more is read
 * @returns the file in pieces
 */
export async function* exportProducts(
  db: ProductDatabase,
  scope: Scope,
  wanted: CatalogueExport,
): AsyncGenerator<Uint8Array, void> {
  yield Buffer.from(HEADER_ROW);
  for (let after: string | undefined; ; ) {
    scope.signal.throwIfAborted();
    const products = await readBatch(db, wanted.categorySlug, after);
    const ids = products.map(({ id }) => id);
    const variants = ids.length === 0 ? [] : await readVariantPrices(db.sql, { products: ids });
    const priced = new Map(variants.map((variant) => [variant.id, variant]));
    const text = products
      .filter((product) => product.variants.length > 0)
      .map((product) => writeProduct(toWritten(product, priced, wanted.currency), wanted.minorDigits));
    if (text.length > 0) yield Buffer.from(text.join(""));
    if (products.length < BATCH) return;
    after = products.at(-1)?.id;
  }
}

async function readBatch(
  db: ProductDatabase,
  categorySlug: string,
  after: string | undefined,
): Promise<Product[]> {
  const rows = await db.sql
    .selectFrom("product_view")
    .select("view")
    .$if(categorySlug !== "", (it) =>
      it.where("category_id", "=", ({ selectFrom }) =>
        selectFrom("category").select("id").where("slug", "=", categorySlug),
      ),
    )
    .$if(after !== undefined, (it) => it.where("product_id", ">", after as string))
    .orderBy("product_id")
    .limit(BATCH)
    .execute();
  return rows.map(({ view }) => fromBinary(ProductSchema, view));
}

function toWritten(
  product: Product,
  priced: ReadonlyMap<string, PricedVariant>,
  currency: string,
): WrittenProduct {
  return {
    handle: product.slug,
    title: product.title,
    descriptionHtml: product.descriptionHtml,
    vendor: product.vendor,
    type: product.category?.name ?? "",
    tags: product.tags,
    published: product.state === ProductState.PUBLISHED,
    isArchived: product.state === ProductState.ARCHIVED,
    options: product.options,
    images: product.images.map(({ url, alt }) => ({ src: url, alt })),
    variants: product.variants.map(
      ({ id, sku, optionValues, grams, barcode }): WrittenVariant => ({
        sku,
        optionValues,
        grams,
        barcode,
        ...priceIn(currency, priced.get(id)),
      }),
    ),
  };
}

function priceIn(
  currency: string,
  variant: PricedVariant | undefined,
): Pick<WrittenVariant, "priceMinor" | "compareAtMinor"> {
  if (variant?.own.currency === currency) {
    const { minor, compareAt } = variant.own;
    return { priceMinor: minor, ...(compareAt !== undefined && { compareAtMinor: compareAt }) };
  }
  const price = variant?.others.find((other) => other.currency === currency && isOrdinary(other));
  return { priceMinor: price?.minor };
}
