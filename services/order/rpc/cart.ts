import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { AddItemResponseSchema, type CartSchema, type CartService } from "#gen/souk/order/v1/cart_pb.ts";
import { money } from "#kit/money.ts";
import { requireUser } from "#kit/principal.ts";
import type { Implementation } from "#kit/rpc/implement.ts";
import { addItem, clearCart, getCart, type PricedCart, updateItem } from "../cart.ts";
import type { Shop } from "../shop.ts";
import { sumOfDiscounts, toDiscount } from "../stored-totals.ts";

/** Serves souk.order.v1.CartService. */
export function cartRpc(shop: Shop) {
  return {
    async getCart(_, call) {
      return { cart: toCart(await getCart(shop, call, requireUser(call).id)) };
    },

    addItem({ variantId, quantity, note }, call) {
      const item = { variantId: variantId.toLowerCase(), quantity, note };
      return addItem(shop, call, requireUser(call).id, item, (cart) =>
        create(AddItemResponseSchema, { cart: toCart(cart) }),
      );
    },

    async updateItem({ lineId, quantity }, call) {
      return { cart: toCart(await updateItem(shop, call, requireUser(call).id, lineId, quantity)) };
    },

    async clearCart(_, call) {
      return { cart: toCart(await clearCart(shop, call, requireUser(call).id)) };
    },
  } satisfies Partial<Implementation<typeof CartService>>;
}

function toCart({ cart, priced }: PricedCart): MessageInitShape<typeof CartSchema> {
  const { currency } = cart;
  const { subtotal, total, discounts } = priced.totals;
  return {
    id: cart.id,
    etag: String(cart.version),
    subtotal: money(subtotal, currency),
    total: money(total, currency),
    discounts: discounts.map((discount) => toDiscount(discount, currency)),
    lines: priced.lines.map(({ line, sale, unitPrice, discounts, total }) => ({
      ...line,
      sku: sale?.variant?.sku,
      title: sale?.productTitle,
      productSlug: sale?.productSlug,
      optionValues: sale?.variant?.optionValues,
      unitPrice: unitPrice === undefined ? undefined : money(unitPrice, currency),
      discount: money(sumOfDiscounts(discounts), currency),
      total: money(total, currency),
      unavailable: unitPrice === undefined,
    })),
  };
}
