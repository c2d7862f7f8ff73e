import { create, fromBinary } from "@bufbuild/protobuf";
import { sql } from "kysely";
import {
  type ListProductsForStaffResponse,
  ListProductsForStaffResponseSchema,
} from "#gen/souk/product/v1/product_admin_pb.ts";
import { ProductSchema, type ProductState, ProductStateSchema } from "#gen/souk/product/v1/product_pb.ts";
import { decodePageToken, encodePageToken, UUID } from "#kit/data/page-token.ts";
import type { ProductDatabase } from "../database.ts";
import { type PageRequest, sizeOf } from "../page.ts";

/** Which products are listed, and which part of the list is asked for. */
export interface StaffListRequest extends PageRequest {
  /** UNSPECIFIED for any. */
  readonly state: ProductState;
  /** Empty for all categories. */
  readonly categorySlug: string;
  /** What the title, slug, SKU or barcode begins with; empty for any. */
  readonly query: string;
}

/**
 * A page of the products in any state, newest first, in one statement. In a category that is not there are none.
 *
 * @throws SoukError PAGE_TOKEN_INVALID
 */
export async function listProductsForStaff(
  db: ProductDatabase,
  request: StaffListRequest,
): Promise<ListProductsForStaffResponse> {
  const { state, categorySlug } = request;
  // PostgreSQL keeps no text with this character.
  const query = request.query.replaceAll("\0", " ").trim();
  const list = `ListProductsForStaff ${JSON.stringify([state, categorySlug, query])}`;
  const [after] = decodePageToken(list, request.pageToken, [UUID]);
  const size = sizeOf(request);
  const rows = await db.sql
    .selectFrom("product")
    .innerJoin("product_view", "product_view.product_id", "product.id")
    .select(["product.id", "view"])
    .$if(state !== 0, (it) => it.where("state", "=", ProductStateSchema.value[state]?.localName as never))
    .$if(categorySlug !== "", (it) =>
      it.where("product.category_id", "=", ({ selectFrom }) =>
        selectFrom("category").select("id").where("slug", "=", categorySlug),
      ),
    )
    .$if(query !== "", (it) => it.where(sql<boolean>`product.id in (${beginningWith(query)})`))
    .$if(after !== undefined, (it) => it.where("product.id", "<", after as string))
    .orderBy("product.id", "desc")
    .limit(size + 1)
    .execute();
  const page = rows.slice(0, size);
  return create(ListProductsForStaffResponseSchema, {
    products: page.map(({ view }) => fromBinary(ProductSchema, view)),
    nextPageToken: rows.length > size ? encodePageToken(list, [page.at(-1)?.id as string]) : "",
  });
}

/** Each part has an index of its own. */
function beginningWith(query: string) {
  const start = `${query.toLowerCase().replace(/[\\%_]/g, "\\$&")}%`;
  return sql`
    select id from product where lower(title) like ${start}
    union select id from product where slug like ${start}
    union select product_id from variant where lower(sku) like ${start} and retire_time is null
    union select product_id from variant where lower(barcode) like ${start} and retire_time is null
  `;
}
