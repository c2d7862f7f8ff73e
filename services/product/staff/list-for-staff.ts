import { create } from "@bufbuild/protobuf";
import { type RawBuilder, sql } from "kysely";
import {
  type ListProductsForStaffResponse,
  ListProductsForStaffResponseSchema,
} from "#gen/souk/product/v1/product_admin_pb.ts";
import { type ProductState, ProductStateSchema } from "#gen/souk/product/v1/product_pb.ts";
import { decodePageToken, encodePageToken, UUID } from "#kit/data/page-token.ts";
import { plannedEachTime } from "#kit/data/planned-each-time.ts";
import type { ProductDatabase } from "../database.ts";
import { type PageRequest, sizeOf } from "../page.ts";
import { type StoredView, toProduct } from "../product-view.ts";

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
  const rows = await readPage(db, { state, categorySlug, query, after, limit: size + 1 });
  const page = rows.slice(0, size);
  return create(ListProductsForStaffResponseSchema, {
    products: page.map(toProduct),
    nextPageToken: rows.length > size ? encodePageToken(list, [page.at(-1)?.id as string]) : "",
  });
}

interface Row extends StoredView {
  readonly id: string;
}

interface Wanted {
  readonly state: ProductState;
  readonly categorySlug: string;
  readonly query: string;
  readonly after: string | undefined;
  readonly limit: number;
}

async function readPage(
  db: ProductDatabase,
  { state, categorySlug, query, after, limit }: Wanted,
): Promise<Row[]> {
  const inState =
    state === 0 ? sql`` : sql`and state = ${ProductStateSchema.value[state]?.localName as string}`;
  const inCategory =
    categorySlug === ""
      ? sql``
      : sql`and category_id = (select id from category where slug = ${categorySlug})`;
  const afterProduct = after === undefined ? sql`` : sql`and product.id < ${after}::uuid`;
  const begins = `${query.replace(/[\\%_]/g, "\\$&")}%`;
  // PostgreSQL writes some letters small otherwise than JavaScript does.
  const like = sql`lower(${begins})`;
  const page = (condition: RawBuilder<unknown>) => sql`
    (select id from product where ${condition} ${inState} ${inCategory} ${afterProduct}
     order by id desc limit ${limit})`;
  const variants = (column: string) => sql`
    (select product_id from variant join product on product.id = product_id
     where lower(${sql.ref(column)}) like ${like} and retire_time is null ${inState} ${inCategory} ${afterProduct}
     order by product_id desc limit ${limit})`;
  // Each part has an index of its own, and gives no more than the page can hold.
  const parts =
    query === ""
      ? [page(sql`true`)]
      : [
          page(sql`lower(title) like ${like}`),
          page(sql`slug like ${like}`),
          variants("sku"),
          variants("barcode"),
        ];
  const { rows } = await sql<Row>`
    select ${plannedEachTime} product_id as id, view, stars
    from (select id from (${sql.join(parts, sql` union `)}) as part order by id desc limit ${limit}) as page
      join product_view on product_id = id
    order by id desc
  `.execute(db.sql);
  return rows;
}
