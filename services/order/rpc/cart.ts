import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { AddItemResponseSchema, type CartSchema, type CartService } from "#gen/souk/order/v1/cart_pb.ts";
import { requireUser } from "#kit/principal.ts";
import type { Implementation } from "#kit/rpc/implement.ts";
import { addItem, clearCart, getCart, type PricedCart, updateItem } from "../cart.ts";
import type { Shop } from "../shop.ts";

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

function toCart({ cart, breakdown, variants }: PricedCart): MessageInitShape<typeof CartSchema> {
  return {
    id: cart.id,
    etag: String(cart.version),
    subtotal: breakdown.subtotal,
    total: breakdown.total,
    lines: breakdown.lines.map(({ line, unitPrice, total }) => {
      const sale = variants.get(line.variantId);
      return {
        ...line,
        sku: sale?.variant?.sku,
        title: sale?.productTitle,
        productSlug: sale?.productSlug,
        optionValues: sale?.variant?.optionValues,
        unitPrice,
        total,
        unavailable: unitPrice === undefined,
      };
    }),
  };
}
