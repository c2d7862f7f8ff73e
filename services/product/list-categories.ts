import { create } from "@bufbuild/protobuf";
import { sql } from "kysely";
import {
  type ListCategoriesResponse,
  ListCategoriesResponseSchema,
} from "#gen/souk/product/v1/product_pb.ts";
import type { ProductDatabase } from "./database.ts";

/** All categories by name, with the number of published products in each. */
export async function listCategories(db: ProductDatabase): Promise<ListCategoriesResponse> {
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
