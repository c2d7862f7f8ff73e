import type { JsonObject } from "@bufbuild/protobuf";
import { defineEntity, p } from "@mikro-orm/core";

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
