import type { JsonObject } from "@bufbuild/protobuf";
import { defineEntity, p } from "@mikro-orm/core";
import type { Seen } from "./cart-changes.ts";
import type { OrderState } from "./order-state.ts";
import type { StoredDiscount, StoredTax } from "./stored-totals.ts";

/** The cart of a customer, or of the guest who has its token. */
export const Cart = defineEntity({
  name: "Cart",
  tableName: "cart",
  properties: {
    id: p.uuid().primary(),
    customerId: p.uuid().nullable().unique(),
    /** SHA-256 of the token of a guest's cart, in hexadecimal. */
    tokenHash: p.text().nullable().unique(),
    /** The customer whose cart took a guest's in. */
    mergedInto: p.uuid().nullable(),
    currency: p.text(),
    /** In the order in which they were added. */
    couponCodes: p.array().defaultRaw("'{}'"),
    /** What its owner was told of it last. */
    seen: p.json<Seen>(),
    /** Grows with each change of the cart or of its lines. */
    version: p.integer().default(1),
    createTime: p.datetime().defaultRaw("now()"),
    updateTime: p.datetime().defaultRaw("now()"),
  },
});

/** A number of one variant in a cart. */
export const CartLine = defineEntity({
  name: "CartLine",
  tableName: "cart_line",
  properties: {
    id: p.uuid().primary(),
    cartId: p.uuid(),
    variantId: p.uuid(),
    note: p.text(),
    quantity: p.bigint(),
    /** Whether it is put aside. */
    saved: p.boolean().default(false),
    /** Grows from line to line, in the order in which they were added. */
    position: p.bigint().autoincrement(),
  },
});

/** What a customer ordered, at the prices of that moment. */
export const Order = defineEntity({
  name: "Order",
  tableName: "orders",
  properties: {
    /** Also the id of the reservation and of the payment. */
    id: p.uuid().primary(),
    number: p.text().unique(),
    /** Null for a guest. */
    customerId: p.uuid().nullable(),
    /** SHA-256 of the token that shows that a guest's order is theirs, in hexadecimal. */
    orderTokenHash: p.text().nullable(),
    /** The cart that it was made of; that one may be gone. */
    cartId: p.uuid().nullable(),
    email: p.text(),
    state: p.text().$type<OrderState>(),
    currency: p.text(),
    subtotal: p.bigint(),
    /** Before promotions and taxes that come on top. */
    shipping: p.bigint(),
    shippingDiscounts: p.json<readonly StoredDiscount[]>(),
    shippingTaxes: p.json<readonly StoredTax[]>(),
    /** What is to pay for shipping. */
    shippingTotal: p.bigint(),
    /** Of the lines and of shipping, by promotion. */
    discounts: p.json<readonly StoredDiscount[]>(),
    /** Of the lines and of shipping, by rate. */
    taxes: p.json<readonly StoredTax[]>(),
    taxIncluded: p.bigint(),
    total: p.bigint(),
    couponCodes: p.array(),
    /** A souk.mesh.v1.Address as JSON. */
    shippingAddress: p.json<JsonObject>(),
    shippingMethod: p.text(),
    /** A souk.mesh.v1.Address as JSON; null where the invoice goes to the shipping address. */
    billingAddress: p.json<JsonObject>().nullable(),
    /** The VAT number of the customer's company; may be empty. */
    vatId: p.text().default(""),
    cancelReason: p.text().default(""),
    version: p.integer().default(1),
    createTime: p.datetime().defaultRaw("now()"),
    updateTime: p.datetime().defaultRaw("now()"),
  },
});

/** A line of an order, as it was when it was ordered. */
export const OrderLine = defineEntity({
  name: "OrderLine",
  tableName: "order_line",
  properties: {
    id: p.uuid().primary(),
    orderId: p.uuid(),
    /** From 0, in the order of the cart. */
    position: p.integer(),
    /** The line of the cart that it was made of; that one may be gone. */
    cartLineId: p.uuid(),
    variantId: p.uuid(),
    productId: p.text(),
    /** Empty where the product is in none. */
    categoryId: p.text(),
    taxClass: p.text(),
    sku: p.text(),
    title: p.text(),
    optionValues: p.array(),
    quantity: p.bigint(),
    unitPrice: p.bigint(),
    /** Before promotions and taxes that come on top. */
    subtotal: p.bigint(),
    discounts: p.json<readonly StoredDiscount[]>(),
    taxes: p.json<readonly StoredTax[]>(),
    /** What is to pay for it. */
    total: p.bigint(),
    note: p.text(),
  },
});

/** Something that makes orders cost less. */
export const Promotion = defineEntity({
  name: "Promotion",
  tableName: "promotion",
  properties: {
    id: p.uuid().primary(),
    /** A souk.order.v1.PromotionTerms as JSON. */
    terms: p.json<JsonObject>(),
    /** Whether it needs no coupon code. */
    automatic: p.boolean(),
    startTime: p.datetime(),
    endTime: p.datetime().nullable(),
    usageLimit: p.bigint(),
    usageLimitPerCustomer: p.bigint(),
    /** How many orders use it; counted only while there is a limit. */
    used: p.bigint().default(0),
    version: p.integer().default(1),
    createTime: p.datetime().defaultRaw("now()"),
  },
});

/** A coupon code and the promotion that it brings. */
export const PromotionCode = defineEntity({
  name: "PromotionCode",
  tableName: "promotion_code",
  properties: { code: p.text().primary(), promotionId: p.uuid() },
});

/** That an order uses a promotion. */
export const PromotionUse = defineEntity({
  name: "PromotionUse",
  tableName: "promotion_use",
  properties: {
    orderId: p.uuid().primary(),
    promotionId: p.uuid().primary(),
    customerKey: p.text(),
    /** Whether it is counted against the limit in all, and against that of its customer. */
    counted: p.boolean(),
    countedForCustomer: p.boolean(),
  },
});

/** How many orders of a customer use a promotion that has a limit for it. */
export const PromotionCustomer = defineEntity({
  name: "PromotionCustomer",
  tableName: "promotion_customer",
  properties: { promotionId: p.uuid().primary(), customerKey: p.text().primary(), used: p.bigint() },
});

export const entities = [
  Cart,
  CartLine,
  Order,
  OrderLine,
  Promotion,
  PromotionCode,
  PromotionUse,
  PromotionCustomer,
] as const;
