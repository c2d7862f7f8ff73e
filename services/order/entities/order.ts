import type { JsonObject } from "@bufbuild/protobuf";
import { defineEntity, p } from "@mikro-orm/core";
import type { StoredPayment, TimelineKindName } from "../after-sale/after-sale.ts";
import type { StoredMeansPart } from "../checkout/means.ts";
import type { OrderState } from "../order-state.ts";
import type { StoredDiscount, StoredTax } from "../stored-totals.ts";

/** What a customer ordered, at the prices of that moment. */
export const Order = defineEntity({
  name: "Order",
  tableName: "orders",
  properties: {
    /** Also the id of the reservation and of the first payment. */
    id: p.uuid().primary(),
    number: p.text().unique(),
    /** Null for a guest. */
    customerId: p.uuid().nullable(),
    /** SHA-256 of the token that shows that a guest's order is theirs, in hexadecimal. */
    orderTokenHash: p.text().nullable(),
    /** The cart that it was made of; that one may be gone. */
    cartId: p.uuid().nullable(),
    /** In which groups its customer was, for prices and promotions. */
    customerGroups: p.array(),
    /** The order whose goods it replaces. */
    exchangeOfOrderId: p.uuid().nullable(),
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
    /** What pays for it, in the order in which it does. */
    payments: p.json<readonly StoredPayment[]>(),
    /** What pays of it beside a card. */
    means: p.json<readonly StoredMeansPart[]>(),
    /** Where its customer confirms the payment. */
    confirmUri: p.text().nullable(),
    /** Until when the payment can be confirmed; it stays where that was never done. */
    confirmUntil: p.datetime().nullable(),
    /** When its customer is reminded of that; null where that is not to be, or was done. */
    remindAt: p.datetime().nullable(),
    /** A souk.mesh.v1.Address as JSON. */
    shippingAddress: p.json<JsonObject>(),
    shippingMethod: p.text(),
    /** A souk.mesh.v1.Address as JSON; null where the invoice goes to the shipping address. */
    billingAddress: p.json<JsonObject>().nullable(),
    /** The VAT number of the customer's company; may be empty. */
    vatId: p.text().default(""),
    cancelReason: p.text().default(""),
    /** Of the token that whoever found it by number and e-mail address was given last. */
    foundTokenHash: p.text().nullable(),
    /** The saga that changes it just now: one at a time. */
    changing: p.uuid().nullable(),
    /** The variants of which some is yet to come into stock, as of which version of the reservation. */
    backOrdered: p.array().defaultRaw("'{}'"),
    stockVersion: p.integer().default(0),
    /** How much of the total is no longer to pay, because items were cancelled. */
    cancelledTotal: p.bigint().defaultRaw("0"),
    /** How much was taken. */
    captured: p.bigint().defaultRaw("0"),
    /** How much is being given back just now. */
    refunding: p.bigint().defaultRaw("0"),
    /** How much was given back. */
    refunded: p.bigint().defaultRaw("0"),
    /** Whether what shipping cost was given back, or is being. */
    shippingRefunded: p.boolean().default(false),
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
    /** What one weighs. */
    grams: p.bigint(),
    quantity: p.bigint(),
    unitPrice: p.bigint(),
    /** Before promotions and taxes that come on top. */
    subtotal: p.bigint(),
    discounts: p.json<readonly StoredDiscount[]>(),
    taxes: p.json<readonly StoredTax[]>(),
    /** What is to pay for it. */
    total: p.bigint(),
    note: p.text(),
    /** How many were sent, were cancelled, are awaited back and came back. */
    shipped: p.bigint().defaultRaw("0"),
    cancelled: p.bigint().defaultRaw("0"),
    awaited: p.bigint().defaultRaw("0"),
    returned: p.bigint().defaultRaw("0"),
    /** For how many money was given back, or is being, and how much. */
    refunded: p.bigint().defaultRaw("0"),
    refundedAmount: p.bigint().defaultRaw("0"),
  },
});

/** Something that happened to an order; never changed. */
export const OrderTimeline = defineEntity({
  name: "OrderTimeline",
  tableName: "order_timeline",
  properties: {
    id: p.uuid().primary(),
    orderId: p.uuid(),
    kind: p.text().$type<TimelineKindName>(),
    text: p.text(),
    /** The account that did it; empty when the shop did on its own. */
    actorId: p.text().default(""),
    referenceId: p.text().default(""),
    visibleToCustomer: p.boolean().default(true),
    createTime: p.datetime().defaultRaw("now()"),
  },
});
