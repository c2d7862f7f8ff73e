import type { Product } from "#gen/souk/product/v1/product_pb.ts";
import type { ProductDatabase, ProductTransaction } from "../database.ts";
import { ErrorReason, refuse } from "../errors.ts";
import { type KnownProduct, readKnownProducts } from "../known-products.ts";
import { lockCatalogue } from "../lock-catalogue.ts";
import { toProduct } from "../product-view.ts";

/**
 * A product in any state, as it is shown.
 *
 * @throws SoukError PRODUCT_NOT_FOUND
 */
export async function readView(db: Pick<ProductDatabase, "sql">, id: string): Promise<Product> {
  const found = await db.sql
    .selectFrom("product_view")
    .select(["view", "stars"])
    .where("product_id", "=", id)
    .executeTakeFirst();
  if (found === undefined) throw unknownProduct(id);
  return toProduct(found);
}

/**
 * A product that is to be changed, when nobody else changes the catalogue.
 *
 * @returns the product, and the time of the transaction
 * @throws SoukError PRODUCT_NOT_FOUND
 */
export async function takeProduct(
  tx: ProductTransaction,
  id: string,
): Promise<{ known: KnownProduct; now: Date }> {
  const [now, products] = await Promise.all([lockCatalogue(tx), readKnownProducts(tx, { ids: [id] })]);
  const known = products.get(id.toLowerCase());
  if (known === undefined) throw unknownProduct(id);
  return { known, now };
}

function unknownProduct(id: string) {
  return refuse(ErrorReason.PRODUCT_NOT_FOUND, `there is no product with the id ${id}`, {
    metadata: { product_id: id },
  });
}
