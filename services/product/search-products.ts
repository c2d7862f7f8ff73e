import { create } from "@bufbuild/protobuf";
import {
  type SearchProductsResponse,
  SearchProductsResponseSchema,
} from "#gen/souk/product/v1/product_pb.ts";
import { decodePageToken, encodePageToken } from "#kit/data/page-token.ts";
import { type PageRequest, sizeOf } from "./page.ts";
import type { SearchEngine } from "./search/search-engine.ts";

/** What is looked for, and which part of the hits is asked for. */
export interface ProductSearch extends PageRequest {
  /** Words as somebody typed them. */
  readonly query: string;
}

/**
 * A page of the published products that match some words, the best match first.
 *
 * @throws SoukError PAGE_TOKEN_INVALID
 */
export async function searchProducts(
  engine: SearchEngine,
  request: ProductSearch,
): Promise<SearchProductsResponse> {
  const list = `SearchProducts ${request.query}`;
  const position = decodePageToken(list, request.pageToken, engine.positionShapes);
  const after = position.length === 0 ? undefined : position;
  const size = sizeOf(request);
  const hits = await engine.search({ words: request.query, limit: size + 1, after });
  const page = hits.slice(0, size);
  const last = hits.length > size ? page.at(-1) : undefined;
  return create(SearchProductsResponseSchema, {
    products: page.map(({ product }) => product),
    nextPageToken: last === undefined ? "" : encodePageToken(list, last.position),
  });
}
