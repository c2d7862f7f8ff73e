import type { JsonObject } from "@bufbuild/protobuf";
import { defineEntity, p } from "@mikro-orm/core";
import type { OrderState } from "./order-state.ts";
import type { StoredDiscount, StoredTax } from "./stored-totals.ts";

/** The cart of a customer. */
export const Cart = defineEntity({
  name: "Cart",
  tableName: "cart",
  properties: {
    id: p.uuid().primary(),
    customerId: p.uuid().unique(),
    currency: p.text(),
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
    customerId: p.uuid(),
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

export const entities = [Cart, CartLine, Order, OrderLine] as const;
