import { defineEntity, p } from "@mikro-orm/core";
import type {
  InvoiceContent,
  InvoiceKindName,
  ReturnState,
  StoredPieces,
  StoredRefundLine,
  StoredReturnLine,
  StoredShare,
} from "../after-sale/after-sale.ts";

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
