import { ProductAdminService } from "#gen/souk/product/v1/product_admin_pb.ts";
import type { VariantPrices } from "#gen/souk/product/v1/product_input_pb.ts";
import type { Scope } from "#kit/scope.ts";

/** How many dollars the shop that runs here asks for a hundred euros. */
const DOLLARS_FOR_100 = 110n;
/** How many products are read at a time: each reading has a deadline, also while a small machine starts the shop. */
const READ = 20;
/** How many variants are priced at a time. */
const PRICED = 100;

/**
 * Gives the variants of the shop that runs here a price in US dollars beside that in euros. Those that have one keep it.
 *
 * @param scope calls as somebody who may change prices
 * @returns how many variants were priced
 */
export async function priceInDollars({ mesh }: Scope): Promise<number> {
  const admin = mesh(ProductAdminService);
  let pageToken = "";
  let priced = 0;
  do {
    const page = await admin.listProductsForStaff({ pageSize: READ, pageToken });
    const read = await Promise.all(page.products.map(({ id }) => admin.getProductForStaff({ id })));
    const wanted = read.flatMap(({ prices }) => prices).flatMap(withDollars);
    for (let from = 0; from < wanted.length; from += PRICED) {
      await admin.batchSetVariantPrices({ variants: wanted.slice(from, from + PRICED) });
    }
    priced += wanted.length;
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return priced;
}

function withDollars({ variantId, prices, etag }: VariantPrices) {
  const euros = prices.find(({ price }) => price?.currency === "EUR")?.price;
  const hasDollars = prices.some(({ price }) => price?.currency === "USD");
  if (euros === undefined || hasDollars) return [];
  const dollars = { price: { minor: (euros.minor * DOLLARS_FOR_100) / 100n, currency: "USD" } };
  return [{ variantId, prices: [...prices, dollars], etag }];
}
