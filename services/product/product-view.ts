import { fromBinary } from "@bufbuild/protobuf";
import { type Product, ProductSchema } from "#gen/souk/product/v1/product_pb.ts";
import { toRating } from "./reviews/rating.ts";

/** A product as it stands ready to be sent. */
export interface StoredView {
  /** A souk.product.v1.Product in protobuf, without its rating. */
  readonly view: Uint8Array;
  /** How many approved reviews have one star, two stars and so on; null where there was none yet. */
  readonly stars: readonly bigint[] | null;
}

/** A product as everybody reads it. */
export function toProduct({ view, stars }: StoredView): Product {
  const product = fromBinary(ProductSchema, view);
  const rating = toRating(stars);
  if (rating !== undefined) product.rating = rating;
  return product;
}
