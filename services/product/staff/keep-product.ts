import { sql } from "kysely";
import { ProductChangedSchema } from "#gen/souk/product/v1/events_pb.ts";
import type { ProductInput } from "#gen/souk/product/v1/product_input_pb.ts";
import { type Product, ProductState, type Variant } from "#gen/souk/product/v1/product_pb.ts";
import type { CatalogueVariant } from "../catalogue/catalogue-product.ts";
import type { ProductTransaction } from "../database.ts";
import { ErrorReason, refuse } from "../errors.ts";
import { mergeProduct, type NamedCategory } from "../import/merge-product.ts";
import { storeProducts } from "../import/store-products.ts";
import type { KnownProduct } from "../known-products.ts";
import { unknownCategory } from "./categories.ts";
import { readProductInput, skuTaken } from "./read-input.ts";
import { readView } from "./read-view.ts";

/**
 * Stores a product as staff writes it, with the event that tells of it. What is like that already is not touched.
 *
 * @param known the product as it is; undefined when it is new
 * @param now the time of the transaction
 * @returns the product as staff reads it
 * @throws SoukError when the input is refused, or what it names is not there or taken
 */
export async function keepProduct(
  tx: ProductTransaction,
  input: ProductInput,
  known: KnownProduct | undefined,
  now: Date,
): Promise<Product> {
  const { product, currency } = readProductInput(input, known?.view.state === ProductState.PUBLISHED);
  const variantIds = idsBySku(product.variants, input, known);
  const [category] = await Promise.all([
    findCategory(tx, input.categoryId),
    requireFreeSlug(tx, product.handle, known?.view.id),
    requireFreeSkus(
      tx,
      product.variants.map(({ sku }) => sku),
      known?.view.id,
    ),
  ]);
  const read = {
    product: { ...product, variants: withCompareAt(product.variants, variantIds, known) },
    isComplete: true,
  };
  const change = mergeProduct(read, known && { ...known, variantIds }, {
    category,
    currency,
    now,
    ...(input.taxClass !== "" && { taxClass: input.taxClass }),
  });
  if (change === undefined) return readView(tx, (known as KnownProduct).view.id);
  await storeProducts(tx, [change], now);
  const { id, slug, variants } = change.product;
  tx.emit(ProductChangedSchema, {
    productId: id,
    slug,
    newVariants: [...change.newVariants],
    renumberedVariants: renumbered(variants, known),
  });
  return change.hasMorePrices ? readView(tx, id) : change.product;
}

/** The variants that were there under another SKU. */
function renumbered(variants: readonly Variant[], known: KnownProduct | undefined) {
  const before = skusOf(known);
  return variants
    .filter(({ id, sku }) => before.has(id) && before.get(id) !== sku)
    .map(({ id, sku }) => ({ variantId: id, sku }));
}

function skusOf(known: KnownProduct | undefined): ReadonlyMap<string, string> {
  return new Map([...(known?.variantIds ?? [])].map(([sku, id]) => [id, sku]));
}

/** The ids that variants have or get back, by the SKU that they shall have. Without an id, the SKU tells which one is meant. */
function idsBySku(
  variants: readonly CatalogueVariant[],
  input: ProductInput,
  known: KnownProduct | undefined,
): ReadonlyMap<string, string> {
  const before = known?.variantIds ?? new Map<string, string>();
  const skuBefore = skusOf(known);
  const ids = new Map(before);
  const named = input.variants.map(({ id }) => id.toLowerCase());
  for (const id of named.filter((it) => it !== "")) {
    const sku = skuBefore.get(id);
    if (sku === undefined) throw unknownVariant(id);
    ids.delete(sku);
  }
  for (const [at, { sku }] of variants.entries()) {
    const id = named[at] as string;
    if (id === "") continue;
    if (ids.has(sku)) throw skuTaken(sku);
    ids.set(sku, id);
  }
  return ids;
}

/** Staff does not write the price to compare with that a file gave: it stays while the ordinary one is lower. */
function withCompareAt(
  variants: readonly CatalogueVariant[],
  ids: ReadonlyMap<string, string>,
  known: KnownProduct | undefined,
): CatalogueVariant[] {
  const before = new Map(known?.view.variants.map((variant) => [variant.id, variant]));
  return variants.map((variant) => {
    const compareAtMinor = before.get(ids.get(variant.sku) ?? "")?.compareAtPrice?.minor;
    if (compareAtMinor === undefined || compareAtMinor <= variant.priceMinor) return variant;
    return { ...variant, compareAtMinor };
  });
}

async function findCategory(tx: ProductTransaction, id: string): Promise<NamedCategory | undefined> {
  if (id === "") return undefined;
  const found = await tx.sql
    .selectFrom("category")
    .select(["id", "slug", "name"])
    .where("id", "=", id)
    .executeTakeFirst();
  return found ?? unknownCategory(id);
}

async function requireFreeSlug(tx: ProductTransaction, slug: string, productId = ""): Promise<void> {
  const holder = await tx.sql.selectFrom("product").select("id").where("slug", "=", slug).executeTakeFirst();
  if (holder === undefined || holder.id === productId) return;
  throw refuse(ErrorReason.SLUG_TAKEN, `another product has the slug ${slug}; give this one another`, {
    metadata: { product_id: holder.id },
  });
}

async function requireFreeSkus(
  tx: ProductTransaction,
  skus: readonly string[],
  productId: string | undefined,
): Promise<void> {
  const holder = await tx.sql
    .selectFrom("variant")
    .select("sku")
    .where("sku", "=", (it) => it.fn.any(it.val(skus)))
    .where("retire_time", "is", null)
    .where(sql<boolean>`product_id is distinct from ${productId ?? null}::uuid`)
    .limit(1)
    .executeTakeFirst();
  if (holder !== undefined) throw skuTaken(holder.sku);
}

function unknownVariant(id: string) {
  return refuse(
    ErrorReason.VARIANT_NOT_FOUND,
    `the product has no variant ${id}; leave the id out for a new one`,
    {
      metadata: { variant_id: id },
    },
  );
}
