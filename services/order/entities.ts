import type { JsonObject } from "@bufbuild/protobuf";
import { defineEntity, p } from "@mikro-orm/core";
import type {
  InvoiceContent,
  InvoiceKindName,
  ReturnState,
  StoredPayment,
  StoredPieces,
  StoredRefundLine,
  StoredReturnLine,
  StoredShare,
  TimelineKindName,
} from "./after-sale/after-sale.ts";
import type { Seen } from "./cart/cart-changes.ts";
import type { StoredMeansPart } from "./checkout/means.ts";
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
    /** Grows with each order that is made of it. */
    ordersBegun: p.integer().default(0),
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
    /** A souk.order.v1.PromotionTerms as JSON, as it was when the order was placed, without its coupon codes. */
    terms: p.json<JsonObject>(),
    /** The code that brought it; empty for an automatic one. */
    couponCode: p.text().default(""),
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

/** Goods of an order that were sent together; its id is that of the saga that sent them. */
export const Shipment = defineEntity({
  name: "Shipment",
  tableName: "shipment",
  properties: {
    id: p.uuid().primary(),
    orderId: p.uuid(),
    state: p.text().$type<"SENT" | "DELIVERED">(),
    lines: p.json<readonly StoredPieces[]>(),
    locationId: p.text(),
    carrier: p.text(),
    trackingNumber: p.text(),
    trackingUri: p.text(),
    captured: p.bigint(),
    version: p.integer().default(1),
    createTime: p.datetime().defaultRaw("now()"),
    deliveryTime: p.datetime().nullable(),
  },
});

/** Money that goes back to a customer, or to an order that replaces goods; its id is that of the saga that does it. */
export const Refund = defineEntity({
  name: "Refund",
  tableName: "refund",
  properties: {
    id: p.uuid().primary(),
    orderId: p.uuid(),
    state: p.text().$type<"PENDING" | "SUCCEEDED" | "FAILED">(),
    amount: p.bigint(),
    lines: p.json<readonly StoredRefundLine[]>(),
    shipping: p.bigint(),
    toStoreCredit: p.boolean(),
    /** What goes back of which payment. */
    shares: p.json<readonly StoredShare[]>(),
    /** The order that it pays for; null where the customer gets it. */
    exchangeOrderId: p.uuid().nullable(),
    reason: p.text(),
    createTime: p.datetime().defaultRaw("now()"),
  },
});

/** Goods of an order that come back. */
export const OrderReturn = defineEntity({
  name: "OrderReturn",
  tableName: "order_return",
  properties: {
    id: p.uuid().primary(),
    orderId: p.uuid(),
    state: p.text().$type<ReturnState>(),
    lines: p.json<readonly StoredReturnLine[]>(),
    note: p.text(),
    instructions: p.text().default(""),
    rejectReason: p.text().default(""),
    refundId: p.uuid().nullable(),
    /** The order that replaces its goods, and whether that may be sent before they are back. */
    exchangeOrderId: p.uuid().nullable(),
    sentFirst: p.boolean().default(false),
    version: p.integer().default(1),
    createTime: p.datetime().defaultRaw("now()"),
    updateTime: p.datetime().defaultRaw("now()"),
  },
});

/** The last number of each kind of invoice; locked by who takes the next one, so that none is left out. */
export const InvoiceCounter = defineEntity({
  name: "InvoiceCounter",
  tableName: "invoice_counter",
  properties: { kind: p.text().$type<InvoiceKindName>().primary(), last: p.bigint() },
});

/** An invoice or credit note, with all that is printed on it. */
export const Invoice = defineEntity({
  name: "Invoice",
  tableName: "invoice",
  properties: {
    id: p.uuid().primary(),
    orderId: p.uuid(),
    kind: p.text().$type<InvoiceKindName>(),
    number: p.bigint(),
    content: p.json<InvoiceContent>(),
    total: p.bigint(),
    createTime: p.datetime().defaultRaw("now()"),
  },
});

/** The groups in which staff put a customer, as user told last. */
export const CustomerGroups = defineEntity({
  name: "CustomerGroups",
  tableName: "customer_groups",
  properties: { customerId: p.uuid().primary(), groups: p.array(), changeTime: p.datetime() },
});

/** A customer who was deleted: what is left of theirs is erased as soon as nothing is to be done with it. */
export const ForgottenCustomer = defineEntity({
  name: "ForgottenCustomer",
  tableName: "forgotten_customer",
  properties: { customerId: p.uuid().primary(), forgetTime: p.datetime().defaultRaw("now()") },
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
  OrderTimeline,
  Shipment,
  Refund,
  OrderReturn,
  InvoiceCounter,
  Invoice,
  CustomerGroups,
  ForgottenCustomer,
] as const;
