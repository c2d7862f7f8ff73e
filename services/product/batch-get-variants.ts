import type { ProductDatabase } from "./database.ts";

/** A variant that is on sale, with what an order shows of its product. */
export interface SaleVariant {
  readonly id: string;
  readonly sku: string;
  readonly price_minor: bigint;
  readonly compare_at_minor: bigint | null;
  readonly currency: string;
  readonly option_values: string[];
  readonly grams: number;
  readonly barcode: string;
  readonly product_id: string;
  readonly slug: string;
  readonly title: string;
  readonly category_id: string | null;
}

/** Some variants, those left out that are unknown or not on sale. */
export function batchGetVariants(db: ProductDatabase, ids: readonly string[]): Promise<SaleVariant[]> {
  return db.sql
    .selectFrom("variant")
    .innerJoin("product", "product.id", "variant.product_id")
    .select(["variant.id", "sku", "price_minor", "compare_at_minor", "currency", "option_values", "grams"])
    .select(["barcode", "product_id", "slug", "title", "category_id"])
    .where("variant.id", "=", (it) => it.fn.any(it.val(ids)))
    .where("retire_time", "is", null)
    .where("state", "=", "PUBLISHED")
    .execute();
}
