import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { ProductArchivedSchema, ProductPublishedSchema } from "#gen/souk/product/v1/events_pb.ts";
import { type Product, ProductState } from "#gen/souk/product/v1/product_pb.ts";
import type { Scope } from "#kit/scope.ts";
import type { ProductDatabase, ProductTransaction } from "../database.ts";
import { ErrorReason, refuse } from "../errors.ts";
import { requireEtag } from "../etag.ts";
import { storeProducts } from "../import/store-products.ts";
import { readView, takeProduct } from "./read-view.ts";

/** Which product, and the etag that its caller read; empty takes any. */
interface Named {
  readonly id: string;
  readonly etag: string;
}

/**
 * Puts a product on sale. One that is on sale stays as it is.
 *
 * @throws SoukError PRODUCT_NOT_FOUND, PRODUCT_INCOMPLETE, ETAG_MISMATCH
 */
export function publishProduct(db: ProductDatabase, scope: Scope, named: Named): Promise<Product> {
  return enter(db, scope, named, ProductState.PUBLISHED, (tx, { id, slug, variants }) => {
    if (variants.length === 0) throw incomplete(id);
    tx.emit(ProductPublishedSchema, { productId: id, slug });
  });
}

/**
 * Takes a product off sale. One that is archived stays as it is.
 *
 * @throws SoukError PRODUCT_NOT_FOUND, ETAG_MISMATCH
 */
export function archiveProduct(db: ProductDatabase, scope: Scope, named: Named): Promise<Product> {
  return enter(db, scope, named, ProductState.ARCHIVED, (tx, { id, slug, variants }) => {
    tx.emit(ProductArchivedSchema, {
      productId: id,
      slug,
      variantIds: variants.map((variant) => variant.id),
    });
  });
}

/** Refuses what a product on sale cannot be without. */
export function incomplete(productId: string) {
  const description = "a product on sale needs at least one variant; UpdateProduct adds one";
  return refuse(ErrorReason.PRODUCT_INCOMPLETE, description, {
    metadata: { product_id: productId },
    violations: [{ field: "product.variants", description }],
  });
}

function enter(
  db: ProductDatabase,
  scope: Scope,
  { id, etag }: Named,
  state: ProductState,
  tell: (tx: ProductTransaction, product: Product) => void,
): Promise<Product> {
  return db.write(scope, async (tx) => {
    const { known, now } = await takeProduct(tx, id);
    if (known.view.state === state) return readView(tx, id);
    requireEtag(etag, known.version, "the product");
    const version = known.version + 1;
    const product = { ...known.view, state, etag: `${version}`, updateTime: timestampFromDate(now) };
    const { hasMorePrices } = known;
    await storeProducts(tx, [{ product, version, isNew: false, hasMorePrices, newVariants: [] }], now);
    tell(tx, product);
    return hasMorePrices ? readView(tx, id) : product;
  });
}
