import { create, fromBinary } from "@bufbuild/protobuf";
import { sql } from "kysely";
import {
  type ListProductsResponse,
  ListProductsResponseSchema,
  ProductSchema,
} from "#gen/souk/product/v1/product_pb.ts";
import { decodePageToken, encodePageToken, UUID } from "#kit/data/page-token.ts";
import type { CatalogueMemory } from "./catalogue-memory.ts";
import type { ProductDatabase } from "./database.ts";
import { ErrorReason, refuse } from "./errors.ts";
import { type PageRequest, sizeOf } from "./page.ts";

/** Which products are listed, and which part of the list is asked for. */
export interface ListRequest extends PageRequest {
  /** Empty for all categories. */
  readonly categorySlug: string;
}

interface Row {
  readonly version: bigint;
  /** Null when there is no such category. */
  readonly category_id: string | null;
  readonly product_id: string | null;
  readonly view: Uint8Array | null;
}

/**
 * A page of the published products, newest first.
 *
 * @throws SoukError CATEGORY_NOT_FOUND, PAGE_TOKEN_INVALID
 */
export async function listProducts(
  db: ProductDatabase,
  memory: CatalogueMemory,
  request: ListRequest,
): Promise<ListProductsResponse> {
  const { categorySlug } = request;
  const list = `ListProducts ${categorySlug}`;
  const [after] = decodePageToken(list, request.pageToken, [UUID]);
  const size = sizeOf(request);
  return memory.recall(`${size} ${after} ${list}`, async (knownVersion) => {
    const rows = await readPage(db, categorySlug, after, size + 1, knownVersion);
    const [{ version, category_id }] = rows as [Row];
    if (version === knownVersion) return { version, products: 0 };
    if (categorySlug !== "" && category_id === null) throw unknownCategory(categorySlug);
    const page = rows.slice(0, size);
    const answer = create(ListProductsResponseSchema, {
      products: page.flatMap(({ view }) => (view === null ? [] : fromBinary(ProductSchema, view))),
      nextPageToken: rows.length > size ? encodePageToken(list, [page.at(-1)?.product_id as string]) : "",
    });
    return { version, answer, products: answer.products.length };
  });
}

/** At least one row always comes; it has no product where there are none, or the catalogue is as it is known. */
async function readPage(
  db: ProductDatabase,
  categorySlug: string,
  after: string | undefined,
  limit: number,
  knownVersion: bigint,
): Promise<Row[]> {
  const category =
    categorySlug === ""
      ? sql`(select null::uuid as id)`
      : sql`(select id from category where slug = ${categorySlug})`;
  const inCategory = categorySlug === "" ? sql`` : sql`and category_id = category.id`;
  const afterProduct = after === undefined ? sql`` : sql`and product_id < ${after}::uuid`;
  const { rows } = await sql<Row>`
    select version, category.id as category_id, product_id, view
    from catalogue left join ${category} as category on true left join lateral (
      select product_id, view from product_view
      where is_published and version <> ${knownVersion} ${inCategory} ${afterProduct}
      order by product_id desc limit ${limit}
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
