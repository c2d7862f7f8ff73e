import { create } from "@bufbuild/protobuf";
import { sql } from "kysely";
import { type ListProductsResponse, ListProductsResponseSchema } from "#gen/souk/product/v1/product_pb.ts";
import { decodePageToken, encodePageToken, UUID } from "#kit/data/page-token.ts";
import type { ProductDatabase } from "./database.ts";
import { ErrorReason, refuse } from "./errors.ts";
import { type PageRequest, sizeOf } from "./page.ts";
import { type StoredView, toProduct } from "./product-view.ts";

/** Which products are listed, and which part of the list is asked for. */
export interface ListRequest extends PageRequest {
  /** Empty for all categories. */
  readonly categorySlug: string;
}

type Row = {
  /** Null where all categories are listed. */
  readonly category_id: string | null;
} & (
  | ({ readonly product_id: string } & StoredView)
  /** Where the category has no products, or no more. */
  | { readonly product_id: null }
);

/**
 * A page of the published products, newest first.
 *
 * @throws SoukError CATEGORY_NOT_FOUND, PAGE_TOKEN_INVALID
 */
export async function listProducts(db: ProductDatabase, request: ListRequest): Promise<ListProductsResponse> {
  const { categorySlug } = request;
  const list = `ListProducts ${categorySlug}`;
  const [after] = decodePageToken(list, request.pageToken, [UUID]);
  const size = sizeOf(request);
  const rows = await readPage(db, categorySlug, after, size + 1);
  if (rows.length === 0) throw unknownCategory(categorySlug);
  const page = rows.slice(0, size);
  return create(ListProductsResponseSchema, {
    products: page.flatMap((row) => (row.product_id === null ? [] : toProduct(row))),
    nextPageToken: rows.length > size ? encodePageToken(list, [page.at(-1)?.product_id as string]) : "",
  });
}

/** No row comes where there is no such category, and one without a product where it has none. */
async function readPage(
  db: ProductDatabase,
  categorySlug: string,
  after: string | undefined,
  limit: number,
): Promise<Row[]> {
  const category =
    categorySlug === ""
      ? sql`(select null::uuid as id)`
      : sql`(select id from category where slug = ${categorySlug})`;
  // Only the index on the category has the order that is asked for with it, which an equation would hide: what is in a
  // category may be few or old.
  const [inCategory, byCategory] =
    categorySlug === ""
      ? [sql``, sql``]
      : [sql`and category_id >= category.id and category_id <= category.id`, sql`category_id desc,`];
  const afterProduct = after === undefined ? sql`` : sql`and product_id < ${after}::uuid`;
  const { rows } = await sql<Row>`
    select category.id as category_id, product_id, view, stars
    from ${category} as category left join lateral (
      select product_id, view, stars from product_view
      where is_published ${inCategory} ${afterProduct}
      order by ${byCategory} product_id desc limit ${limit}
    ) as page on true
    order by product_id desc
  `.execute(db.sql);
  return rows;
}

function unknownCategory(slug: string) {
  return refuse(
    ErrorReason.CATEGORY_NOT_FOUND,
    `there is no category ${slug}; list the categories to see which there are`,
    { metadata: { category_slug: slug } },
  );
}
