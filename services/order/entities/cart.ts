import { defineEntity, p } from "@mikro-orm/core";
import type { Seen } from "../cart/cart-changes.ts";

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
