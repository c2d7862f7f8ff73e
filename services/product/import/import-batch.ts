import { sql } from "kysely";
import { uuidv7 } from "uuidv7";
import { ProductChangedSchema } from "#gen/souk/product/v1/events_pb.ts";
import type { Scope } from "#kit/scope.ts";
import type { ProductDatabase, ProductTransaction } from "../database.ts";
import { readKnownProducts } from "../known-products.ts";
import { lockCatalogue } from "../lock-catalogue.ts";
import { categorySlug } from "./category-slug.ts";
import { mergeProduct, type NamedCategory, type ReadProduct } from "./merge-product.ts";
import { storeProducts } from "./store-products.ts";

/** What an import did with a batch. */
export interface BatchResult {
  readonly created: number;
  readonly updated: number;
}

/**
 * Stores products as a file describes them, in one transaction with the events that tell of each
 * change. What is like that already is not touched.
 *
 * @param batch different products
 * @param currency the currency of their prices
 */
export function importBatch(
  db: ProductDatabase,
  scope: Scope,
  batch: readonly ReadProduct[],
  currency: string,
): Promise<BatchResult> {
  return db.write(scope, async (tx) => {
    // Changes of the catalogue are made one after the other; these travel together, the first one first.
    const [now, known, categories] = await Promise.all([
      lockCatalogue(tx),
      readKnownProducts(tx, { slugs: batch.map(({ product }) => product.handle) }),
      makeCategories(tx, batch),
    ]);
    const changes = batch.flatMap((read) => {
      const { handle, type } = read.product;
      const context = { category: categories.get(categorySlug(type)), currency, now };
      return mergeProduct(read, known.get(handle), context) ?? [];
    });
    if (changes.length > 0) await storeProducts(tx, changes, now);
    for (const { product, newVariants } of changes) {
      tx.emit(ProductChangedSchema, {
        productId: product.id,
        slug: product.slug,
        newVariants: [...newVariants],
      });
    }
    const created = changes.filter(({ isNew }) => isNew).length;
    return { created, updated: changes.length - created };
  });
}

/** The categories of a batch by slug; those that are missing are made. */
async function makeCategories(
  tx: ProductTransaction,
  batch: readonly ReadProduct[],
): Promise<ReadonlyMap<string, NamedCategory>> {
  const names = new Map<string, string>();
  for (const { type } of batch.map(({ product }) => product)) {
    const slug = categorySlug(type);
    if (slug !== "" && !names.has(slug)) names.set(slug, type);
  }
  const slugs = [...names.keys()];
  const { rows } = await sql<NamedCategory>`
    with made as (
      insert into category (id, slug, name)
      select * from unnest(${slugs.map(() => uuidv7())}::uuid[], ${slugs}::text[], ${[...names.values()]}::text[])
      on conflict (slug) do nothing
      returning id, slug, name
    )
    select id, slug, name from made
    union all
    select id, slug, name from category where slug = any (${slugs}::text[])
  `.execute(tx.sql);
  return new Map(rows.map((category) => [category.slug, category]));
}
