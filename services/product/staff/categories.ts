import { create, toBinary } from "@bufbuild/protobuf";
import { sql } from "kysely";
import { uuidv7 } from "uuidv7";
import { CategoryChangedSchema } from "#gen/souk/product/v1/events_pb.ts";
import {
  type CreateCategoryResponse,
  CreateCategoryResponseSchema,
} from "#gen/souk/product/v1/product_admin_pb.ts";
import type { CategoryInput } from "#gen/souk/product/v1/product_input_pb.ts";
import { ProductSchema } from "#gen/souk/product/v1/product_pb.ts";
import type { Scope } from "#kit/scope.ts";
import { readText } from "../catalogue/read-cell.ts";
import type { ProductDatabase, ProductTransaction } from "../database.ts";
import { ErrorReason, refuse } from "../errors.ts";
import { categorySlug } from "../import/category-slug.ts";
import type { NamedCategory } from "../import/merge-product.ts";
import { invalid } from "../invalid.ts";
import { lockCatalogue } from "../lock-catalogue.ts";
import { indexProducts } from "../search/index-products.ts";

const LONGEST_NAME = 200;

/**
 * Makes a category.
 *
 * @throws SoukError INVALID_REQUEST, SLUG_TAKEN
 */
export function createCategory(
  db: ProductDatabase,
  scope: Scope,
  input: CategoryInput,
): Promise<CreateCategoryResponse> {
  const name = readName(input.name);
  const category = { id: uuidv7(), name, slug: input.slug === "" ? slugOf(name) : input.slug };
  return db.write(scope, async (tx) => {
    await lockCatalogue(tx);
    await requireFree(tx, category);
    await tx.sql.insertInto("category").values(category).execute();
    tx.emit(CategoryChangedSchema, { categoryId: category.id, slug: category.slug });
    return create(CreateCategoryResponseSchema, { category });
  });
}

/**
 * Changes a category, wherever its products show it.
 *
 * @param paths which of slug and name
 * @throws SoukError INVALID_REQUEST, CATEGORY_NOT_FOUND, SLUG_TAKEN
 */
export function updateCategory(
  db: ProductDatabase,
  scope: Scope,
  id: string,
  input: CategoryInput,
  paths: readonly string[],
): Promise<NamedCategory> {
  const name = paths.includes("name") ? readName(input.name) : undefined;
  return db.write(scope, async (tx) => {
    await lockCatalogue(tx);
    const known = (await findCategory(tx, id)) ?? unknownCategory(id);
    const category = {
      id: known.id,
      name: name ?? known.name,
      slug: slugToSet(input, paths, name ?? known.name, known.slug),
    };
    if (category.name === known.name && category.slug === known.slug) return known;
    await requireFree(tx, category);
    await tx.sql
      .updateTable("category")
      .set({ name: category.name, slug: category.slug })
      .where("id", "=", id)
      .execute();
    await showCategory(tx, category);
    tx.emit(CategoryChangedSchema, { categoryId: known.id, slug: category.slug });
    return category;
  });
}

/**
 * Removes a category that no product is in. One that is not there is no error.
 *
 * @throws SoukError CATEGORY_NOT_EMPTY
 */
export function deleteCategory(db: ProductDatabase, scope: Scope, id: string): Promise<void> {
  return db.write(scope, async (tx) => {
    await lockCatalogue(tx);
    const held = await tx.sql
      .selectFrom("product")
      .select("slug")
      .where("category_id", "=", id)
      .limit(1)
      .executeTakeFirst();
    if (held !== undefined) throw notEmpty(id, held.slug);
    const removed = await tx.sql
      .deleteFrom("category")
      .where("id", "=", id)
      .returning(["id", "slug"])
      .executeTakeFirst();
    if (removed !== undefined) tx.emit(CategoryChangedSchema, { categoryId: removed.id, slug: removed.slug });
  });
}

/** @throws SoukError CATEGORY_NOT_FOUND, always */
export function unknownCategory(id: string): never {
  throw refuse(ErrorReason.CATEGORY_NOT_FOUND, `there is no category with the id ${id}`, {
    metadata: { category_id: id },
  });
}

/**
 * Shows a category as it is now in the views of its products, and lets searches find it.
 * Of a field that stands twice in a message of protobuf the last value counts, so the views need not be read.
 */
async function showCategory(tx: ProductTransaction, category: NamedCategory): Promise<void> {
  const shown = Buffer.from(toBinary(ProductSchema, create(ProductSchema, { category })));
  const { rows } = await sql<{ product_id: string }>`
    update product_view set view = view || ${shown} where category_id = ${category.id} returning product_id
  `.execute(tx.sql);
  const ids = rows.map(({ product_id }) => product_id);
  await Promise.all(indexProducts(ids).map((statement) => statement.execute(tx.sql)));
}

function findCategory(tx: ProductTransaction, id: string): Promise<NamedCategory | undefined> {
  return tx.sql.selectFrom("category").select(["id", "slug", "name"]).where("id", "=", id).executeTakeFirst();
}

/** Files know categories by name, addresses by slug: both are unique. */
async function requireFree(tx: ProductTransaction, { id, slug, name }: NamedCategory): Promise<void> {
  const holder = await tx.sql
    .selectFrom("category")
    .select("id")
    .where((it) => it.or([it("slug", "=", slug), it("name", "=", name)]))
    .where("id", "<>", id)
    .limit(1)
    .executeTakeFirst();
  if (holder === undefined) return;
  throw refuse(
    ErrorReason.SLUG_TAKEN,
    `another category has the slug ${slug} or the name ${name}; give this one others`,
    {
      metadata: { category_id: holder.id },
    },
  );
}

function readName(text: string): string {
  const name = text.trim();
  const reading = readText(name, LONGEST_NAME);
  if ("reason" in reading) throw invalid({ field: "category.name", description: reading.reason });
  if (name === "") throw invalid({ field: "category.name", description: "is missing" });
  return name;
}

function slugToSet({ slug }: CategoryInput, paths: readonly string[], name: string, before: string): string {
  if (!paths.includes("slug")) return before;
  return slug === "" ? slugOf(name) : slug;
}

function slugOf(name: string): string {
  const slug = categorySlug(name);
  if (slug !== "") return slug;
  throw invalid({ field: "category.slug", description: "cannot be made of this name; give one" });
}

function notEmpty(id: string, productSlug: string) {
  return refuse(
    ErrorReason.CATEGORY_NOT_EMPTY,
    `products are in the category, ${productSlug} for one; move them first`,
    { metadata: { category_id: id, product_slug: productSlug } },
  );
}
