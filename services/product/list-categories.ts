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
    .select(["id", "slug", "name", "products"])
    .orderBy(sql`search_words(name)`)
    .orderBy("name")
    .execute();
  return create(ListCategoriesResponseSchema, {
    categories: rows.map(({ products, ...category }) => ({ category, products })),
  });
}
