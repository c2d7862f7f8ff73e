import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import type { PromotionConditions } from "#gen/souk/order/v1/promotion_pb.ts";
import { CouponObstacle } from "#gen/souk/order/v1/totals_pb.ts";
import { add } from "../rates.ts";
import type { Obstacle } from "../totals.ts";
import type { Basket, BasketLine } from "./basket.ts";

/**
 * The lines of a basket that a promotion applies to, when all its conditions hold.
 *
 * @param conditions what must hold; nothing when left out
 * @param basket the basket
 * @returns the first condition that does not hold, where one does not
 */
export function eligibleLines(
  conditions: PromotionConditions | undefined,
  basket: Basket,
): readonly BasketLine[] | Obstacle {
  if (conditions === undefined) return basket.lines;
  const { customer, destination, currency } = basket.order;
  const { customerGroups, countryCodes, firstOrder, minQuantity, minSubtotals } = conditions;
  if (customerGroups.length > 0 && !customer.groups.some((group) => customerGroups.includes(group)))
    return { obstacle: CouponObstacle.CUSTOMER_GROUP };
  if (firstOrder && !customer.isNew) return { obstacle: CouponObstacle.FIRST_ORDER };
  if (countryCodes.length > 0 && !countryCodes.includes(destination?.countryCode ?? ""))
    return { obstacle: CouponObstacle.COUNTRY };

  const lines = basket.lines.filter(({ line }) => isNamed(conditions, line.productId, line.categoryId));
  if (lines.length === 0) return { obstacle: CouponObstacle.PRODUCTS };
  const pieces = piecesOf(lines);
  if (pieces < minQuantity) return tooFew(minQuantity - pieces);
  if (minSubtotals.length > 0) {
    const least = amountIn(minSubtotals, currency);
    if (least === undefined) return { obstacle: CouponObstacle.CURRENCY };
    const subtotal = subtotalOf(lines);
    if (subtotal < least) return tooLittle(least - subtotal);
  }
  return lines;
}

/** That a number of pieces is missing. */
export function tooFew(missingQuantity: bigint): Obstacle {
  return { obstacle: CouponObstacle.QUANTITY, missingQuantity };
}

/** That lines cost too little by an amount in minor units. */
export function tooLittle(missingAmount: bigint): Obstacle {
  return { obstacle: CouponObstacle.SUBTOTAL, missingAmount };
}

/** Whether the conditions name a product or its category; those that name nothing mean all. */
function isNamed(
  { productIds, categoryIds }: PromotionConditions,
  productId: string,
  categoryId: string,
): boolean {
  if (productIds.length === 0 && categoryIds.length === 0) return true;
  return productIds.includes(productId) || categoryIds.includes(categoryId);
}

/** How many pieces some lines have together. */
export function piecesOf(lines: readonly BasketLine[]): bigint {
  return add(lines.map(({ line }) => line.quantity));
}

/** What some lines cost together before promotions, in minor units. */
export function subtotalOf(lines: readonly BasketLine[]): bigint {
  return add(lines.map(({ subtotal }) => subtotal));
}

/**
 * The amount among several that is in a currency.
 *
 * @param amounts one a currency
 * @param currency an ISO 4217 code
 * @returns in minor units; undefined when none is
 */
export function amountIn(amounts: readonly Money[], currency: string): bigint | undefined {
  return amounts.find((amount) => amount.currency === currency)?.minor;
}
