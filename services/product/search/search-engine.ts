import type { Product } from "#gen/souk/product/v1/product_pb.ts";

/** What is looked for. */
export interface SearchRequest {
  /** Words as somebody typed them. */
  readonly words: string;
  /** How many hits at most. */
  readonly limit: number;
  /** The position of the hit to go on behind; undefined for the beginning. */
  readonly after: readonly string[] | undefined;
}

/** A published product that was found. */
export interface Hit {
  readonly product: Product;
  /** Where it stands among all hits, in parts that only the engine understands. */
  readonly position: readonly string[];
}

/** Finds published products by words. */
export interface SearchEngine {
  /** What the parts of a position look like. */
  readonly positionShapes: readonly RegExp[];
  /** What is found, the best match first. The same words find the same hits in the same order. */
  search(request: SearchRequest): Promise<readonly Hit[]>;
}
