import { create, fromBinary } from "@bufbuild/protobuf";
import {
  type GetProductRequest,
  type GetProductResponse,
  GetProductResponseSchema,
  ProductSchema,
} from "#gen/souk/product/v1/product_pb.ts";
import type { ProductDatabase } from "./database.ts";
import { ErrorReason, refuse } from "./errors.ts";

/**
 * A published product.
 *
 * @param by its id or its slug
 * @throws SoukError PRODUCT_NOT_FOUND when there is none, or it is not on sale
 */
export async function getProduct(
  db: ProductDatabase,
  { case: column, value = "" }: GetProductRequest["by"],
): Promise<GetProductResponse> {
  const found = await db.sql
    .selectFrom("product_view")
    .select("view")
    .where(column === "id" ? "product_id" : "slug", "=", value)
    .where("is_published", "=", true)
    .executeTakeFirst();
  if (found === undefined) {
    throw refuse(ErrorReason.PRODUCT_NOT_FOUND, `there is no product with the ${column} ${value} on sale`, {
      metadata: { [`product_${column}`]: value },
    });
  }
  return create(GetProductResponseSchema, { product: fromBinary(ProductSchema, found.view) });
}
