import type { ProductService } from "#gen/souk/product/v1/product_pb.ts";
import type { Implementation } from "#kit/rpc/implement.ts";
import { batchGetVariants, type SaleVariant } from "../batch-get-variants.ts";
import type { ProductDatabase } from "../database.ts";
import { findUnknown } from "../find-unknown.ts";
import { getProduct } from "../get-product.ts";
import { listCategories } from "../list-categories.ts";
import { listProducts } from "../list-products.ts";
import { toVariantPrice } from "../prices/variant-prices.ts";
import type { SearchEngine } from "../search/search-engine.ts";
import { searchProducts } from "../search-products.ts";

/**
 * Serves souk.product.v1.ProductService.
 *
 * @param search finds products by words
 */
export function productRpc(db: ProductDatabase, search: SearchEngine): Implementation<typeof ProductService> {
  return {
    getProduct: ({ by }) => getProduct(db, by),
    listProducts: (request) => listProducts(db, request),
    searchProducts: (request) => searchProducts(search, request),
    listCategories: () => listCategories(db),

    async batchGetVariants({ ids, currency, customerGroups }) {
      const variants = await batchGetVariants(db, ids, { currency, customerGroups });
      return { variants: variants.map(toSaleVariant) };
    },

    async findUnknown(ids) {
      const { productIds, categoryIds } = await findUnknown(db, ids);
      return { productIds: [...productIds], categoryIds: [...categoryIds] };
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
    taxClass: stored.tax_class,
    prices: stored.prices.map(toVariantPrice),
  };
}
