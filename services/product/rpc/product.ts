import type { ProductService } from "#gen/souk/product/v1/product_pb.ts";
import type { Cache } from "#kit/cache.ts";
import type { Implementation } from "#kit/rpc/implement.ts";
import { batchGetVariants, type SaleVariant } from "../batch-get-variants.ts";
import type { CatalogueMemory } from "../catalogue-memory.ts";
import type { ProductDatabase } from "../database.ts";
import { getProduct } from "../get-product.ts";
import { listCategories } from "../list-categories.ts";
import { listProducts } from "../list-products.ts";
import type { SearchEngine } from "../search/search-engine.ts";
import { searchProducts } from "../search-products.ts";

/** What the catalogue is read with. */
export interface CatalogueReading {
  readonly db: ProductDatabase;
  readonly memory: CatalogueMemory;
  readonly search: SearchEngine;
  readonly cache: Cache;
  /** How long the sizes of categories are given again, in ms. */
  readonly categoriesMs: number;
}

/** Serves souk.product.v1.ProductService. */
export function productRpc({
  db,
  memory,
  search,
  cache,
  categoriesMs,
}: CatalogueReading): Implementation<typeof ProductService> {
  return {
    getProduct: ({ by }) => getProduct(db, memory, by),
    listProducts: (request) => listProducts(db, memory, request),
    searchProducts: (request) => searchProducts(search, memory, request),
    listCategories: () => listCategories(db, cache, categoriesMs),

    async batchGetVariants({ ids }) {
      return { variants: (await batchGetVariants(db, ids)).map(toSaleVariant) };
    },
  };
}

function toSaleVariant(stored: SaleVariant) {
  const { id, sku, price_minor, compare_at_minor, currency, option_values, grams, barcode } = stored;
  return {
    variant: {
      id,
      sku,
      price: { minor: price_minor, currency },
      compareAtPrice: compare_at_minor === null ? undefined : { minor: compare_at_minor, currency },
      optionValues: option_values,
      grams,
      barcode,
    },
    productId: stored.product_id,
    productSlug: stored.slug,
    productTitle: stored.title,
    categoryId: stored.category_id ?? "",
  };
}
