import { OrderShippedSchema } from "#gen/souk/order/v1/events_pb.ts";
import { file_souk_product_v1_events } from "#gen/souk/product/v1/events_pb.ts";
import { ProductAdminService } from "#gen/souk/product/v1/product_admin_pb.ts";
import { ProductService } from "#gen/souk/product/v1/product_pb.ts";
import { ReviewService } from "#gen/souk/product/v1/review_pb.ts";
import { UserDeletedSchema } from "#gen/souk/user/v1/events_pb.ts";
import { on } from "#kit/events/subscription.ts";
import { job } from "#kit/jobs/job.ts";
import { implement } from "#kit/rpc/implement.ts";
import { defineService } from "#kit/service.ts";
import { productSettings } from "./config.ts";
import { entities } from "./entities.ts";
import { migrations } from "./migrations/index.ts";
import { turnPrices } from "./prices/turn-prices.ts";
import { eraseAuthors, forgetAuthor } from "./reviews/forget-authors.ts";
import { notePurchases } from "./reviews/note-purchases.ts";
import { productRpc } from "./rpc/product.ts";
import { productAdminRpc } from "./rpc/product-admin.ts";
import { reviewRpc } from "./rpc/review.ts";
import { postgresSearch } from "./search/postgres-search.ts";

/** How often what came of users who have left in the moment in which they did is erased, in ms. */
const ERASE_AUTHORS_MS = 5_000;

/** The catalogue: what can be bought, for shoppers to find and for staff to keep, and what customers think of it. */
export const product = defineService({
  name: "product",
  port: 3003,
  settings: productSettings,
  data: { entities, migrations },
  events: [file_souk_product_v1_events],
  serve: ({ db }) => [
    implement(ProductService, productRpc(db, postgresSearch(db))),
    implement(ProductAdminService, productAdminRpc(db)),
    implement(ReviewService, reviewRpc(db)),
  ],
  consumes: [OrderShippedSchema, UserDeletedSchema],
  consume: () => [on(OrderShippedSchema, notePurchases), on(UserDeletedSchema, forgetAuthor)],
  jobs: ({ db, settings }) => [
    job({
      name: "turn-prices",
      everyMs: settings.PRODUCT_PRICE_INTERVAL_MS,
      run: (scope) => turnPrices(db, scope),
    }),
    job({ name: "erase-authors", everyMs: ERASE_AUTHORS_MS, run: (scope) => eraseAuthors(db, scope) }),
  ],
});
