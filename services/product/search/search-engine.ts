import type { Product } from "#gen/souk/product/v1/product_pb.ts";

/** What is looked for. */
export interface SearchRequest {
  /** Words as somebody typed them. */
  readonly words: string;
  /** How many hits at most. */
  readonly limit: number;
  /** The position of the hit to go on behind; undefined for the beginning. */
  readonly after: readonly string[] | undefined;
  /** The version of the catalogue whose hits are known; nothing else need be told where it is the same. */
  readonly knownVersion: bigint;
}

/** A published product that was found. */
export interface Hit {
  readonly product: Product;
  /** Where it stands among all hits, in parts that only the engine understands. */
  readonly position: readonly string[];
}

/** What was found, the best match first. The same words find the same hits in the same order. */
export interface Found {
  /** The version of the catalogue that was searched; 0 when the engine cannot tell. */
  readonly version: bigint;
  /** Left out when the version is the known one. */
  readonly hits?: readonly Hit[];
}

/** Finds published products by words. */
export interface SearchEngine {
  /** What the parts of a position look like. */
  readonly positionShapes: readonly RegExp[];
  search(request: SearchRequest): Promise<Found>;
}
