import { create, equals, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { uuidv7 } from "uuidv7";
import {
  type Product,
  ProductSchema,
  ProductState,
  type Variant,
  type VariantSchema,
} from "#gen/souk/product/v1/product_pb.ts";
import type { CatalogueProduct, CatalogueVariant } from "../catalogue/catalogue-product.ts";
import type { KnownProduct } from "../known-products.ts";

/** How a product is taxed of which nothing else is said. */
const STANDARD_TAX_CLASS = "standard";

/** A product as it was read from a file. */
export interface ReadProduct {
  readonly product: CatalogueProduct;
  /** False when rows of it were left out: variants that the file then lacks stay as they are. */
  readonly isComplete: boolean;
}

/** What is to be stored of a product. */
export interface ProductChange {
  readonly product: Product;
  readonly version: number;
  readonly isNew: boolean;
  /** Whether variants of it have more prices than the ordinary ones. */
  readonly hasMorePrices: boolean;
  readonly newVariants: readonly {
    readonly variantId: string;
    readonly sku: string;
    readonly openingStock: bigint;
  }[];
}

/** A category as it stands in a product. */
export interface NamedCategory {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
}

/** What a product is made with. */
export interface MergeContext {
  readonly category: NamedCategory | undefined;
  /** The currency of the prices. */
  readonly currency: string;
  /** How it is taxed; undefined leaves it as it is. */
  readonly taxClass?: string;
  /** The time of the transaction. */
  readonly now: Date;
}

/**
 * Makes a product what a file says of it. It keeps its id, and its variants keep theirs by SKU, also
 * those that had gone and come back.
 *
 * @param read what the file says
 * @param known the product as it is; undefined when it is new
 * @returns undefined when the product is like that already
 */
export function mergeProduct(
  { product: incoming, isComplete }: ReadProduct,
  known: KnownProduct | undefined,
  { category, currency, taxClass, now }: MergeContext,
): ProductChange | undefined {
  const newVariants: ProductChange["newVariants"][number][] = [];
  const idOf = ({ sku, quantity }: CatalogueVariant) => {
    const id = known?.variantIds.get(sku);
    if (id !== undefined) return id;
    const variantId = uuidv7();
    newVariants.push({ variantId, sku, openingStock: BigInt(quantity ?? 0) });
    return variantId;
  };
  const kept = isComplete || known === undefined ? [] : lackingVariants(known.view, incoming);
  const variants = [
    ...incoming.variants.map((variant) => toVariant(idOf(variant), variant, currency)),
    ...kept,
  ];
  const content: MessageInitShape<typeof ProductSchema> = {
    id: known?.view.id ?? uuidv7(),
    slug: incoming.handle,
    title: incoming.title,
    descriptionHtml: incoming.descriptionHtml,
    vendor: incoming.vendor,
    category,
    tags: incoming.tags,
    options: incoming.options.map(({ name, values }, at) => ({
      name,
      values: [...new Set([...values, ...kept.map(({ optionValues }) => optionValues[at] as string)])],
    })),
    variants,
    images: incoming.images.map(({ src, alt }) => ({ url: src, alt })),
    state: incoming.published ? ProductState.PUBLISHED : unpublished(known),
    createTime: known?.view.createTime ?? timestampFromDate(now),
    taxClass: taxClass ?? known?.view.taxClass ?? STANDARD_TAX_CLASS,
    rating: known?.view.rating,
  };
  if (known !== undefined) {
    const { updateTime, etag } = known.view;
    const same = create(ProductSchema, { ...content, updateTime, etag });
    if (equals(ProductSchema, same, known.view)) return undefined;
  }
  const version = (known?.version ?? 0) + 1;
  const product = create(ProductSchema, {
    ...content,
    updateTime: timestampFromDate(now),
    etag: `${version}`,
  });
  const hasMorePrices = known?.hasMorePrices ?? false;
  return { product, version, isNew: known === undefined, hasMorePrices, newVariants };
}

/** A file cannot tell what was taken off sale from what has not been on sale yet. */
function unpublished(known: KnownProduct | undefined): ProductState {
  return known?.view.state === ProductState.ARCHIVED ? ProductState.ARCHIVED : ProductState.DRAFT;
}

/** The variants that a file lacks and that fit the options it names. */
function lackingVariants(view: Product, { variants, options }: CatalogueProduct): Variant[] {
  const read = new Set(variants.map(({ sku }) => sku));
  return view.variants.filter(
    ({ sku, optionValues }) => !read.has(sku) && optionValues.length === options.length,
  );
}

function toVariant(
  id: string,
  { sku, priceMinor, compareAtMinor, optionValues, grams, barcode }: CatalogueVariant,
  currency: string,
): MessageInitShape<typeof VariantSchema> {
  return {
    id,
    sku,
    price: { minor: priceMinor, currency },
    compareAtPrice: compareAtMinor === undefined ? undefined : { minor: compareAtMinor, currency },
    optionValues,
    grams,
    barcode: barcode ?? "",
  };
}
