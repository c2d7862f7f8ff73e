import type { FreeShipping } from "#gen/souk/order/v1/promotion_pb.ts";
import type { Offer, ShippingToPrice } from "../order-to-price.ts";
import { type Basket, remaining, takeOff } from "./basket.ts";

/** Takes off what shipping costs, when it is done in one of the ways meant. */
export function applyFreeShipping(terms: FreeShipping, offer: Offer, { order, shipping }: Basket): void {
  if (isMeantWay(terms, order.shipping)) takeOff(offer, shipping, remaining(shipping));
}

/** Whether an order is shipped in one of the ways meant; not while it is not known how it is. */
export function isMeantWay(
  { shippingMethods }: FreeShipping,
  shipping: ShippingToPrice | undefined,
): boolean {
  if (shipping === undefined) return false;
  return shippingMethods.length === 0 || shippingMethods.includes(shipping.method);
}
