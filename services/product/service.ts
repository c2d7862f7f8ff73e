import { ProductAdminService } from "#gen/souk/product/v1/product_admin_pb.ts";
import { ProductService } from "#gen/souk/product/v1/product_pb.ts";
import { ReviewService } from "#gen/souk/product/v1/review_pb.ts";
import { implement } from "#kit/rpc/implement.ts";
import { defineService } from "#kit/service.ts";
import { catalogueMemory } from "./catalogue-memory.ts";
import { productSettings } from "./config.ts";
import { entities } from "./entities.ts";
import { migrations } from "./migrations/index.ts";
import { productRpc } from "./rpc/product.ts";
import { productAdminRpc } from "./rpc/product-admin.ts";
import { postgresSearch } from "./search/postgres-search.ts";

/** The catalogue: what can be bought, for shoppers to find and for staff to keep. */
export const product = defineService({
  name: "product",
  port: 3003,
  settings: productSettings,
  data: { entities, migrations },
  serve: ({ db, cache, settings }) => [
    implement(
      ProductService,
      productRpc({
        db,
        memory: catalogueMemory(settings.PRODUCT_MEMORY),
        search: postgresSearch(db),
        cache,
        categoriesMs: settings.PRODUCT_CATEGORIES_MS,
      }),
    ),
    implement(ProductAdminService, productAdminRpc(db), [
      "exportProducts",
      "listProductsForStaff",
      "getProductForStaff",
      "createProduct",
      "updateProduct",
      "publishProduct",
      "archiveProduct",
      "setVariantPrices",
      "createCategory",
      "updateCategory",
      "deleteCategory",
    ]),
    implement(ReviewService, {}, [
      "listReviews",
      "listMyReviews",
      "createReview",
      "updateMyReview",
      "deleteMyReview",
      "reportReview",
      "listReviewsForStaff",
      "moderateReview",
    ]),
  ],
});
