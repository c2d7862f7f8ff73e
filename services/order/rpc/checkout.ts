import type { Address } from "#gen/souk/mesh/v1/address_pb.ts";
import type { CheckoutService } from "#gen/souk/order/v1/checkout_pb.ts";
import { requireUser } from "#kit/principal.ts";
import type { Implementation } from "#kit/rpc/implement.ts";
import type { Sagas } from "#kit/saga/sagas.ts";
import { toOrder } from "../order-message.ts";
import { placeOrder } from "../place-order.ts";
import { getQuotes, type Quote } from "../quote.ts";
import type { Shop } from "../shop.ts";

/** Serves souk.order.v1.CheckoutService. */
export function checkoutRpc(shop: Shop, sagas: Sagas) {
  return {
    async getQuote(_, call) {
      return { quotes: (await getQuotes(shop, call, requireUser(call).id)).map(toQuote) };
    },

    async placeOrder({ shippingAddress, shippingMethod, payment, expectedTotal }, call) {
      const { id: customerId, email } = requireUser(call);
      const address = shippingAddress as Address;
      const checkout = { customerId, email, shippingAddress: address, shippingMethod, expectedTotal };
      return { order: toOrder(await placeOrder(shop, sagas, call, checkout, payment?.token ?? "")) };
    },
  } satisfies Partial<Implementation<typeof CheckoutService>>;
}

function toQuote({ method, breakdown }: Quote) {
  const { subtotal, shipping, taxIncluded, total } = breakdown;
  return { shippingMethod: method.id, shippingName: method.name, subtotal, shipping, taxIncluded, total };
}
