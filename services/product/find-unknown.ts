import { sql } from "kysely";
import type { ProductDatabase } from "./database.ts";

/** Ids of products and of categories. */
export interface CatalogueIds {
  readonly productIds: readonly string[];
  readonly categoryIds: readonly string[];
}

/**
 * Those of some products and categories that there are not, in one statement. Products count in any state.
 *
 * @param ids may repeat
 */
export async function findUnknown(
  db: ProductDatabase,
  { productIds, categoryIds }: CatalogueIds,
): Promise<CatalogueIds> {
  const { rows } = await sql<{ products: string[]; categories: string[] }>`
    select
      array(
        select distinct it from unnest(${productIds}::uuid[]) as it where not exists (select from product where id = it)
      ) as products,
      array(
        select distinct it from unnest(${categoryIds}::uuid[]) as it where not exists (select from category where id = it)
      ) as categories
  `.execute(db.sql);
  return { productIds: rows[0]?.products ?? [], categoryIds: rows[0]?.categories ?? [] };
}
