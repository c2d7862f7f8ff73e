import { create } from "@bufbuild/protobuf";
import {
  type GetProductForStaffResponse,
  GetProductForStaffResponseSchema,
} from "#gen/souk/product/v1/product_admin_pb.ts";
import type { ProductDatabase } from "../database.ts";
import { readVariantPrices, toVariantPrices } from "../prices/variant-prices.ts";
import { readView } from "./read-view.ts";

/**
 * A product in any state, with every price of its variants.
 *
 * @throws SoukError PRODUCT_NOT_FOUND
 */
export async function getProductForStaff(
  db: ProductDatabase,
  id: string,
): Promise<GetProductForStaffResponse> {
  const [product, variants] = await Promise.all([
    readView(db, id),
    readVariantPrices(db.sql, { products: [id] }),
  ]);
  return create(GetProductForStaffResponseSchema, { product, prices: variants.map(toVariantPrices) });
}
