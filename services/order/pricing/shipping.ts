import type { OrderSettings } from "../config.ts";

/** A way of shipping and what it costs. */
export interface ShippingMethod {
  /** What requests and orders call it. */
  readonly id: string;
  /** What people call it. */
  readonly name: string;
  /** What it costs, in minor units. */
  readonly rate: bigint;
  /** The subtotal from which it costs nothing, in minor units; never when left out. */
  readonly freeFrom?: bigint;
}

/**
 * The ways of shipping that the settings describe.
 *
 * @param settings order's settings
 */
export function shippingMethods(settings: OrderSettings): readonly ShippingMethod[] {
  return [
    {
      id: "standard",
      name: "Standard shipping",
      rate: settings.ORDER_SHIPPING_STANDARD,
      freeFrom: settings.ORDER_SHIPPING_STANDARD_FREE_FROM,
    },
    { id: "express", name: "Express shipping", rate: settings.ORDER_SHIPPING_EXPRESS },
  ];
}

/**
 * What a way of shipping costs for a subtotal, in minor units.
 *
 * @param method the way of shipping
 * @param subtotal what the lines cost together, in minor units
 */
export function shippingCost({ rate, freeFrom }: ShippingMethod, subtotal: bigint): bigint {
  return freeFrom !== undefined && subtotal >= freeFrom ? 0n : rate;
}
