import type { FreeShipping } from "#gen/souk/order/v1/promotion_pb.ts";
import type { Offer } from "../order-to-price.ts";
import { type Basket, remaining, takeOff } from "./basket.ts";

/** Takes off what shipping costs, when it is done in one of the ways meant. */
export function applyFreeShipping(
  { shippingMethods }: FreeShipping,
  offer: Offer,
  { order, shipping }: Basket,
): void {
  const { method } = order.shipping ?? {};
  if (method === undefined || (shippingMethods.length > 0 && !shippingMethods.includes(method))) return;
  takeOff(offer, shipping, remaining(shipping));
}
