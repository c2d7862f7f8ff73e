import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import { money } from "#kit/money.ts";
import type { OrderSettings } from "../config.ts";

/** A way of shipping and what it costs. */
export interface ShippingMethod {
  /** What requests and orders call it. */
  readonly id: string;
  /** What people call it. */
  readonly name: string;
  readonly rate: Money;
  /** The subtotal from which it costs nothing, in the currency of the rate; never when left out. */
  readonly freeFrom?: Money;
}

/**
 * The ways of shipping that the settings describe.
 *
 * @param settings order's settings
 */
export function shippingMethods(settings: OrderSettings): readonly ShippingMethod[] {
  const currency = settings.ORDER_CURRENCY;
  return [
    {
      id: "standard",
      name: "Standard shipping",
      rate: money(settings.ORDER_SHIPPING_STANDARD, currency),
      freeFrom: money(settings.ORDER_SHIPPING_STANDARD_FREE_FROM, currency),
    },
    { id: "express", name: "Express shipping", rate: money(settings.ORDER_SHIPPING_EXPRESS, currency) },
  ];
}

/**
 * What a way of shipping costs.
 *
 * @param method the way of shipping
 * @param subtotal what the lines cost together, in the currency of the rate
 */
export function shippingCost({ rate, freeFrom }: ShippingMethod, subtotal: Money): Money {
  return freeFrom !== undefined && subtotal.minor >= freeFrom.minor ? money(0n, rate.currency) : rate;
}
