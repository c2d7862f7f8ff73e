import { create } from "@bufbuild/protobuf";
import {
  type GetProductRequest,
  type GetProductResponse,
  GetProductResponseSchema,
} from "#gen/souk/product/v1/product_pb.ts";
import type { SoukError } from "#kit/error.ts";
import type { ProductDatabase } from "./database.ts";
import { ErrorReason, refuse } from "./errors.ts";
import { toProduct } from "./product-view.ts";

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
    .select(["view", "stars"])
    .where(column === "id" ? "product_id" : "slug", "=", value)
    .where("is_published", "=", true)
    .executeTakeFirst();
  if (found === undefined) throw notOnSale(column ?? "id", value);
  return create(GetProductResponseSchema, { product: toProduct(found) });
}

/**
 * The refusal of what asks for a product that shoppers do not see.
 *
 * @param by what the product is named by
 * @param value its id or its slug
 */
export function notOnSale(by: "id" | "slug", value: string): SoukError {
  return refuse(ErrorReason.PRODUCT_NOT_FOUND, `there is no product with the ${by} ${value} on sale`, {
    metadata: { [`product_${by}`]: value },
  });
}
