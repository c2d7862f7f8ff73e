import { ProductAdminService } from "#gen/souk/product/v1/product_admin_pb.ts";
import type { Scope } from "#kit/scope.ts";

/**
 * Finds what is sold under a number of the catalogue.
 *
 * @param staff calls as staff
 * @param sku the number
 * @throws Error when nothing has it
 */
export async function findVariant(
  staff: Scope,
  sku: string,
): Promise<{ readonly variantId: string; readonly productId: string }> {
  const { products } = await staff.mesh(ProductAdminService).listProductsForStaff({ query: sku });
  for (const { id: productId, variants } of products) {
    const variant = variants.find((each) => each.sku === sku);
    if (variant !== undefined) return { variantId: variant.id, productId };
  }
  throw new Error(`nothing in the catalogue has the SKU ${sku}`);
}
