import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { sql } from "kysely";
import {
  type ListCategoriesResponse,
  ListCategoriesResponseSchema,
} from "#gen/souk/product/v1/product_pb.ts";
import type { Cache } from "#kit/cache.ts";
import type { ProductDatabase } from "./database.ts";

/**
 * All categories by name, with the number of published products in each. Counting goes through the
 * whole catalogue, so the answer is given again for a while.
 *
 * @param ttlMs how long, in ms
 */
export async function listCategories(
  db: ProductDatabase,
  cache: Cache,
  ttlMs: number,
): Promise<ListCategoriesResponse> {
  const bytes = await cache.remember("categories", ttlMs, async () =>
    toBinary(ListCategoriesResponseSchema, await countCategories(db)),
  );
  return fromBinary(ListCategoriesResponseSchema, bytes);
}

async function countCategories(db: ProductDatabase): Promise<ListCategoriesResponse> {
  const rows = await db.sql
    .selectFrom("category")
    .leftJoin(
      (it) =>
        it
          .selectFrom("product_view")
          .select(["category_id", it.fn.countAll<bigint>().as("products")])
          .where("is_published", "=", true)
          .groupBy("category_id")
          .as("size"),
      (join) => join.onRef("size.category_id", "=", "category.id"),
    )
    .select(["id", "slug", "name", "products"])
    .orderBy(sql`search_words(name)`)
    .orderBy("name")
    .execute();
  return create(ListCategoriesResponseSchema, {
    categories: rows.map(({ products, ...category }) => ({ category, products: products ?? 0n })),
  });
}
