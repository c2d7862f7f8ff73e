import { defineEntity, p } from "@mikro-orm/core";

/** Whether shoppers see a product, as the contract names it. */
export type ProductStateName = "DRAFT" | "PUBLISHED" | "ARCHIVED";
/** Whether shoppers see a review, as the contract names it. */
export type ReviewStateName = "PENDING" | "APPROVED" | "REJECTED";

/** A group of products. */
export const Category = defineEntity({
  name: "Category",
  tableName: "category",
  properties: {
    id: p.uuid().primary(),
    slug: p.text().unique(),
    name: p.text(),
    /** How many published products are in it; the database counts them with each change. */
    products: p.bigint().defaultRaw("0"),
    createTime: p.datetime().defaultRaw("now()"),
  },
});

/** A product as staff keeps it. */
export const Product = defineEntity({
  name: "Product",
  tableName: "product",
  properties: {
    /** UUIDv7: newer products have larger ids. */
    id: p.uuid().primary(),
    slug: p.text().unique(),
    title: p.text(),
    descriptionHtml: p.text(),
    vendor: p.text(),
    categoryId: p.uuid().nullable(),
    tags: p.array(),
    options: p.json<{ name: string; values: string[] }[]>(),
    images: p.json<{ url: string; alt: string }[]>(),
    state: p.text().$type<ProductStateName>(),
    taxClass: p.text().default("standard"),
    /** When a price that shoppers see begins or ends next; null where none does. */
    priceTurnTime: p.datetime().nullable(),
    version: p.integer().default(1),
    createTime: p.datetime().defaultRaw("now()"),
    updateTime: p.datetime().defaultRaw("now()"),
  },
});

/** Something that can be bought. It is never removed: orders and stock refer to it. */
export const Variant = defineEntity({
  name: "Variant",
  tableName: "variant",
  properties: {
    id: p.uuid().primary(),
    productId: p.uuid(),
    /** Its place among the variants of the product, from 0. */
    position: p.integer(),
    /** Unique within the product. */
    sku: p.text(),
    /** What one costs everyone at any time, in the variant's own currency. */
    priceMinor: p.bigint(),
    compareAtMinor: p.bigint().nullable(),
    currency: p.text(),
    /** Grows with each change of any of its prices. */
    priceVersion: p.integer().default(1),
    optionValues: p.array(),
    grams: p.integer(),
    barcode: p.text(),
    /** Since when it is no longer part of the product; null while it is. */
    retireTime: p.datetime().nullable(),
  },
});

/** A price of a variant beside the ordinary one in its own currency. */
export const VariantPrice = defineEntity({
  name: "VariantPrice",
  tableName: "variant_price",
  properties: {
    variantId: p.uuid().primary(),
    position: p.integer().primary(),
    priceMinor: p.bigint(),
    currency: p.text(),
    /** Empty for everyone. */
    customerGroup: p.text(),
    minQuantity: p.bigint(),
    startTime: p.datetime().nullable(),
    endTime: p.datetime().nullable(),
    sale: p.boolean(),
  },
});

/** A product ready to be sent: what shoppers read, kept up to date with each change. */
export const ProductView = defineEntity({
  name: "ProductView",
  tableName: "product_view",
  properties: {
    productId: p.uuid().primary(),
    slug: p.text().unique(),
    categoryId: p.uuid().nullable(),
    isPublished: p.boolean(),
    /** A souk.product.v1.Product in protobuf, without its rating. */
    view: p.blob(),
    /** How many approved reviews have one star, two stars and so on; null where there was none yet. */
    stars: p.array<bigint>(BigInt, String).nullable(),
  },
});

/** One row: who changes the catalogue locks it. */
export const Catalogue = defineEntity({
  name: "Catalogue",
  tableName: "catalogue",
  properties: {
    id: p.boolean().primary(),
  },
});

/** What somebody thinks of a product. */
export const Review = defineEntity({
  name: "Review",
  tableName: "review",
  properties: {
    /** UUIDv7: newer reviews have larger ids. */
    id: p.uuid().primary(),
    productId: p.uuid(),
    /** The account that wrote it, which has one review of the product; null when its author has left. */
    authorId: p.uuid().nullable(),
    authorName: p.text(),
    stars: p.integer(),
    title: p.text(),
    body: p.text(),
    state: p.text().$type<ReviewStateName>().default("PENDING"),
    rejectReason: p.text().default(""),
    /** How many reported it since staff last decided on it. */
    reports: p.integer().default(0),
    /** Whether an author who has left bought the product; of all others their purchases tell. */
    bought: p.boolean().default(false),
    version: p.integer().default(1),
    createTime: p.datetime().defaultRaw("now()"),
    /** When its author last changed it. */
    updateTime: p.datetime().defaultRaw("now()"),
  },
});

/** That somebody reported a review. */
export const ReviewReport = defineEntity({
  name: "ReviewReport",
  tableName: "review_report",
  properties: {
    reviewId: p.uuid().primary(),
    reporterId: p.uuid().primary(),
    reason: p.text(),
    /** Whether staff has yet to decide on it. */
    open: p.boolean().default(true),
    createTime: p.datetime().defaultRaw("now()"),
  },
});

/** That some of a product was sent to a customer. */
export const Purchase = defineEntity({
  name: "Purchase",
  tableName: "purchase",
  properties: { customerId: p.uuid().primary(), productId: p.uuid().primary() },
});

/** A user who was deleted, and of whom nothing more is kept. */
export const ForgottenAuthor = defineEntity({
  name: "ForgottenAuthor",
  tableName: "forgotten_author",
  properties: {
    userId: p.uuid().primary(),
    forgetTime: p.datetime().defaultRaw("now()"),
    /** Whether nothing that was on its way then can come any more. */
    erased: p.boolean().default(false),
  },
});

export const entities = [
  Category,
  Product,
  Variant,
  VariantPrice,
  ProductView,
  Catalogue,
  Review,
  ReviewReport,
  Purchase,
  ForgottenAuthor,
] as const;
