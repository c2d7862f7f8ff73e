import { sql } from "kysely";
import { uuidv7 } from "uuidv7";
import { ProductChangedSchema } from "#gen/souk/product/v1/events_pb.ts";
import type { Scope } from "#kit/scope.ts";
import type { ProductDatabase, ProductTransaction } from "../database.ts";
import { type KnownProduct, readKnownProducts } from "../known-products.ts";
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
      const context = { category: categories.get(type), currency, now };
      const before = known.get(handle);
      return mergeProduct(inKnownOrder(read, before), before, context) ?? [];
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

/** A file names the values of an option in the order of its variants; that in which they are shown stays. */
function inKnownOrder(read: ReadProduct, known: KnownProduct | undefined): ReadProduct {
  const options = read.product.options.map(({ name, values }, at) => {
    const before = known?.view.options[at]?.values.filter((value) => values.includes(value)) ?? [];
    return { name, values: [...new Set([...before, ...values])] };
  });
  return { ...read, product: { ...read.product, options } };
}

/** The categories of a batch by what the file calls them; those that are missing are made. */
async function makeCategories(
  tx: ProductTransaction,
  batch: readonly ReadProduct[],
): Promise<ReadonlyMap<string, NamedCategory>> {
  const types = new Map<string, string>();
  for (const { type } of batch.map(({ product }) => product)) types.set(type, categorySlug(type));
  const named = [...types].filter(([, slug]) => slug !== "");
  // The name counts first: the slug of a category that was renamed tells of another name.
  const { rows } = await sql<NamedCategory & { type: string }>`
    with wanted as (
      select * from unnest(
        ${named.map(([type]) => type)}::text[], ${named.map(([, slug]) => slug)}::text[],
        ${named.map(() => uuidv7())}::uuid[]
      ) with ordinality as it (type, slug, id, place)
    ), made as (
      insert into category (id, slug, name)
      select distinct on (slug) id, slug, type from wanted
      where not exists (select from category where name = type)
      order by slug, place
      on conflict (slug) do nothing
      returning id, slug, name
    ), known as (
      select id, slug, name from made
      union all
      select id, slug, name from category where name in (select type from wanted) or slug in (select slug from wanted)
    )
    select distinct on (type) type, known.id, known.slug, known.name
    from wanted join known on known.name = type or known.slug = wanted.slug
    order by type, known.name = type desc
  `.execute(tx.sql);
  return new Map(rows.map(({ type, ...category }) => [type, category]));
}
