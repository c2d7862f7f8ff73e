import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  AddItemResponseSchema,
  CartChangeKind,
  type CartChangeSchema,
  type CartLineSchema,
  type CartSchema,
  type CartService,
} from "#gen/souk/order/v1/cart_pb.ts";
import { money } from "#kit/money.ts";
import { requireUser } from "#kit/principal.ts";
import type { Implementation } from "#kit/rpc/implement.ts";
import { addItem, clearCart, getCart, updateItem } from "../cart/cart.ts";
import { type CartChange, titleOf } from "../cart/cart-changes.ts";
import { applyCoupon, removeCoupon } from "../cart/coupons.ts";
import { versionOf } from "../cart/etag.ts";
import { createGuestCart, mergeCart } from "../cart/guest-cart.ts";
import type { PricedCart } from "../cart/price-cart.ts";
import type { PricedLine } from "../cart/price-lines.ts";
import { moveLine } from "../cart/put-aside.ts";
import type { StoredCart } from "../cart/read-cart.ts";
import { shopperOf } from "../cart/shopper.ts";
import type { Shop } from "../shop.ts";
import { sumOfDiscounts, toDiscount, toIdleCoupon } from "../stored-totals.ts";

/** Serves souk.order.v1.CartService. */
export function cartRpc(shop: Shop): Implementation<typeof CartService> {
  const toCart = (told: PricedCart) => cartMessage(told, shop.cartMs);
  return {
    async getCart({ cartToken }, call) {
      return { cart: toCart(await getCart(shop, call, shopperOf(call, cartToken))) };
    },

    addItem({ cartToken, variantId, quantity, note, currency, etag }, call) {
      const item = { variantId: variantId.toLowerCase(), quantity, note, currency, version: versionOf(etag) };
      return addItem(shop, call, shopperOf(call, cartToken), item, (cart) =>
        create(AddItemResponseSchema, { cart: toCart(cart) }),
      );
    },

    async updateItem({ cartToken, lineId, quantity, etag }, call) {
      const change = { lineId: lineId.toLowerCase(), quantity, version: versionOf(etag) };
      return { cart: toCart(await updateItem(shop, call, shopperOf(call, cartToken), change)) };
    },

    async clearCart({ cartToken, etag }, call) {
      return { cart: toCart(await clearCart(shop, call, shopperOf(call, cartToken), versionOf(etag))) };
    },

    async createGuestCart({ currency }, call) {
      const { token, cart } = await createGuestCart(shop, call, currency);
      return { cartToken: token, cart: toCart(cart) };
    },

    async mergeCart({ cartToken }, call) {
      const { id } = requireUser(call);
      return { cart: toCart(await mergeCart(shop, call, shopperOf(call, ""), id, cartToken)) };
    },

    async saveForLater({ cartToken, lineId, etag }, call) {
      const move = { lineId: lineId.toLowerCase(), saved: true, version: versionOf(etag) };
      return { cart: toCart(await moveLine(shop, call, shopperOf(call, cartToken), move)) };
    },

    async moveToCart({ cartToken, lineId, etag }, call) {
      const move = { lineId: lineId.toLowerCase(), saved: false, version: versionOf(etag) };
      return { cart: toCart(await moveLine(shop, call, shopperOf(call, cartToken), move)) };
    },

    async applyCoupon({ cartToken, code, etag }, call) {
      const change = { code, version: versionOf(etag) };
      return { cart: toCart(await applyCoupon(shop, call, shopperOf(call, cartToken), change)) };
    },

    async removeCoupon({ cartToken, code, etag }, call) {
      const change = { code, version: versionOf(etag) };
      return { cart: toCart(await removeCoupon(shop, call, shopperOf(call, cartToken), change)) };
    },
  };
}

function cartMessage(told: PricedCart, cartMs: number): MessageInitShape<typeof CartSchema> {
  const { cart, priced, saved, short, idleCoupons, changes } = told;
  const { currency } = cart;
  const { subtotal, total, discounts } = priced.totals;
  return {
    id: cart.id,
    etag: String(cart.version),
    currency,
    subtotal: money(subtotal, currency),
    total: money(total, currency),
    discounts: discounts.map((discount) => toDiscount(discount, currency)),
    couponCodes: [...cart.couponCodes],
    idleCoupons: idleCoupons.map((idle) => toIdleCoupon(idle, currency)),
    lines: priced.lines.map((line) => toLine(line, cart, short.get(line.line.id))),
    savedLines: saved.map((line) => toLine(line, cart)),
    changes: changes.map((change) => toChange(change, currency)),
    expireTime: timestampFromMs(cart.updateTime.getTime() + cartMs),
  };
}

function toLine(
  priced: PricedLine,
  { currency, seen }: StoredCart,
  available?: bigint,
): MessageInitShape<typeof CartLineSchema> {
  const { line, sale, unitPrice, discounts, total } = priced;
  return {
    ...line,
    sku: sale?.variant?.sku,
    title: titleOf(priced, seen),
    productSlug: sale?.productSlug,
    optionValues: sale?.variant?.optionValues,
    unitPrice: unitPrice === undefined ? undefined : money(unitPrice, currency),
    discount: money(sumOfDiscounts(discounts), currency),
    total: money(total, currency),
    unavailable: unitPrice === undefined,
    available,
    insufficient: available !== undefined,
  };
}

function toChange(change: CartChange, currency: string): MessageInitShape<typeof CartChangeSchema> {
  switch (change.kind) {
    case "price":
      return {
        kind: CartChangeKind.PRICE,
        lineId: change.lineId,
        oldPrice: money(change.before, currency),
        newPrice: money(change.now, currency),
      };
    case "unavailable":
      return { kind: CartChangeKind.UNAVAILABLE, lineId: change.lineId };
    case "stock":
      return { kind: CartChangeKind.STOCK, lineId: change.lineId, available: change.available };
    case "coupon":
      return { kind: CartChangeKind.COUPON, couponCode: change.code };
  }
}
