import { create, fromBinary } from "@bufbuild/protobuf";
import { sql } from "kysely";
import {
  type GetProductRequest,
  type GetProductResponse,
  GetProductResponseSchema,
  ProductSchema,
} from "#gen/souk/product/v1/product_pb.ts";
import type { CatalogueMemory } from "./catalogue-memory.ts";
import type { ProductDatabase } from "./database.ts";
import { ErrorReason, refuse } from "./errors.ts";

/**
 * A published product.
 *
 * @param by its id or its slug
 * @throws SoukError PRODUCT_NOT_FOUND when there is none, or it is not on sale
 */
export function getProduct(
  db: ProductDatabase,
  memory: CatalogueMemory,
  { case: column, value }: GetProductRequest["by"],
): Promise<GetProductResponse> {
  return memory.recall(`${column} ${value}`, async (knownVersion) => {
    const matches = column === "id" ? sql`product_id = ${value}::uuid` : sql`slug = ${value}`;
    const { rows } = await sql<{ version: bigint; view: Uint8Array | null }>`
      select version, view
      from catalogue left join product_view on ${matches} and is_published and version <> ${knownVersion}
    `.execute(db.sql);
    const [row] = rows as [(typeof rows)[number]];
    if (row.version === knownVersion) return { version: row.version, products: 0 };
    if (row.view === null) {
      throw refuse(ErrorReason.PRODUCT_NOT_FOUND, `there is no product with the ${column} ${value} on sale`, {
        metadata: { [`product_${column}`]: value as string },
      });
    }
    const answer = create(GetProductResponseSchema, { product: fromBinary(ProductSchema, row.view) });
    return { version: row.version, answer, products: 1 };
  });
}
