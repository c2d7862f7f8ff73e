import { create } from "@bufbuild/protobuf";
import {
  type CreateProductResponse,
  CreateProductResponseSchema,
} from "#gen/souk/product/v1/product_admin_pb.ts";
import type { ProductInput } from "#gen/souk/product/v1/product_input_pb.ts";
import type { Scope } from "#kit/scope.ts";
import type { ProductDatabase } from "../database.ts";
import { lockCatalogue } from "../lock-catalogue.ts";
import { keepProduct } from "./keep-product.ts";

/**
 * Makes a product that shoppers do not see yet.
 *
 * @throws SoukError INVALID_REQUEST, OPTIONS_MISMATCH, SLUG_TAKEN, SKU_TAKEN, CATEGORY_NOT_FOUND, VARIANT_NOT_FOUND
 */
export function createProduct(
  db: ProductDatabase,
  scope: Scope,
  input: ProductInput,
): Promise<CreateProductResponse> {
  return db.write(scope, async (tx) => {
    const now = await lockCatalogue(tx);
    return create(CreateProductResponseSchema, { product: await keepProduct(tx, input, undefined, now) });
  });
}
