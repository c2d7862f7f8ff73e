import { create } from "@bufbuild/protobuf";
import type { UpdateProductRequest } from "#gen/souk/product/v1/product_input_pb.ts";
import { type ProductInput, ProductInputSchema } from "#gen/souk/product/v1/product_input_pb.ts";
import { type Product, ProductState } from "#gen/souk/product/v1/product_pb.ts";
import type { Scope } from "#kit/scope.ts";
import type { ProductDatabase } from "../database.ts";
import { requireEtag } from "../etag.ts";
import { keepProduct } from "./keep-product.ts";
import { incomplete } from "./publish-product.ts";
import { takeProduct } from "./read-view.ts";

/** What an update mask may name, and the field that it stands for. */
const FIELDS: Readonly<Record<string, keyof ProductInput>> = {
  slug: "slug",
  title: "title",
  description_html: "descriptionHtml",
  vendor: "vendor",
  category_id: "categoryId",
  tags: "tags",
  options: "options",
  variants: "variants",
  images: "images",
  tax_class: "taxClass",
};

/**
 * Changes the fields of a product that a mask names.
 *
 * @throws SoukError PRODUCT_NOT_FOUND, ETAG_MISMATCH, PRODUCT_INCOMPLETE, and as createProduct does
 */
export function updateProduct(
  db: ProductDatabase,
  scope: Scope,
  { id, product, updateMask, etag }: UpdateProductRequest,
): Promise<Product> {
  return db.write(scope, async (tx) => {
    const { known, now } = await takeProduct(tx, id);
    requireEtag(etag, known.version, "the product");
    const input = toInput(known.view);
    for (const path of updateMask?.paths ?? []) {
      const field = FIELDS[path] as keyof ProductInput;
      Object.assign(input, { [field]: product?.[field] });
    }
    const isPublished = known.view.state === ProductState.PUBLISHED;
    if (isPublished && input.variants.length === 0) throw incomplete(id);
    return keepProduct(tx, input, known, now);
  });
}

/** A product as staff would write it. */
function toInput(product: Product): ProductInput {
  const { slug, title, descriptionHtml, vendor, category, tags, options, variants, images, taxClass } =
    product;
  return create(ProductInputSchema, {
    slug,
    title,
    descriptionHtml,
    vendor,
    categoryId: category?.id ?? "",
    tags,
    options: options.map(({ name, values }) => ({ name, values })),
    variants: variants.map(({ id, sku, price, optionValues, grams, barcode }) => ({
      id,
      sku,
      price: { minor: price?.minor ?? 0n, currency: price?.currency ?? "" },
      optionValues,
      grams,
      barcode,
    })),
    images: images.map(({ url, alt }) => ({ url, alt })),
    taxClass,
  });
}
