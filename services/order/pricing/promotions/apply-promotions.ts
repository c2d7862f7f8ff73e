import { CouponObstacle } from "#gen/souk/order/v1/totals_pb.ts";
import type { Offer, OrderToPrice } from "../order-to-price.ts";
import { add } from "../rates.ts";
import type { Discount, IdleCoupon, Obstacle } from "../totals.ts";
import { applyAmountOff } from "./amount-off.ts";
import { type Basket, type BasketLine, discountOf, fillBasket, mergeDiscounts } from "./basket.ts";
import { applyBuyXGetY } from "./buy-x-get-y.ts";
import { eligibleLines } from "./conditions.ts";
import { applyFreeShipping } from "./free-shipping.ts";
import { obstacleToEffect } from "./obstacle-to-effect.ts";
import { applyPercentageOff } from "./percentage-off.ts";
import { applyTieredOff } from "./tiered-off.ts";

/** A basket after all promotions, with what each took off in all, in the order in which they were applied. */
export interface Discounted {
  readonly basket: Basket;
  readonly discounts: readonly Discount[];
  /** The coupons that took nothing off, in the same order. */
  readonly idleCoupons: readonly IdleCoupon[];
}

/**
 * Applies the promotions that an order meets the conditions of: the higher its priority, the sooner, each to
 * what those before left to pay. An exclusive one applies alone: it is passed over where another one already
 * applied, and keeps those after it out.
 *
 * @param order the order
 */
export function applyPromotions(order: OrderToPrice): Discounted {
  const basket = fillBasket(order);
  const discounts = mergeDiscounts(basket.lines.flatMap((line) => line.discounts));
  const idleCoupons: IdleCoupon[] = [];
  let isClosed = false;
  for (const offer of order.promotions.toSorted(inOrder)) {
    const { exclusive } = offer.terms;
    const isKeptOut = isClosed || (exclusive && discounts.length > 0);
    const obstacle = isKeptOut ? { obstacle: CouponObstacle.OTHER_PROMOTION } : apply(offer, basket);
    if (obstacle === undefined) {
      discounts.push(discountOf(offer, takenBy(offer, basket)));
      isClosed = exclusive;
    } else if (offer.couponCode !== "") {
      idleCoupons.push({ couponCode: offer.couponCode, ...obstacle });
    }
  }
  return { basket, discounts, idleCoupons };
}

/** Ids are ordered by time, so of equals the older one comes first: no order depends on chance. */
function inOrder(a: Offer, b: Offer): number {
  return b.terms.priority - a.terms.priority || (a.id < b.id ? -1 : 1);
}

/** Applies a promotion, or says why it takes nothing off. */
function apply(offer: Offer, basket: Basket): Obstacle | undefined {
  const lines = eligibleLines(offer.terms.conditions, basket);
  if ("obstacle" in lines) return lines;
  applyEffect(offer, lines, basket);
  return takenBy(offer, basket) === 0n ? obstacleToEffect(offer, lines, basket) : undefined;
}

function applyEffect(offer: Offer, lines: readonly BasketLine[], basket: Basket): void {
  const { effect } = offer.terms;
  if (effect.case === "percentageOff") applyPercentageOff(effect.value, offer, lines, basket);
  if (effect.case === "amountOff") applyAmountOff(effect.value, offer, lines, basket);
  if (effect.case === "buyXGetY") applyBuyXGetY(effect.value, offer, lines, basket);
  if (effect.case === "tieredOff") applyTieredOff(effect.value, offer, lines, basket);
  if (effect.case === "freeShipping") applyFreeShipping(effect.value, offer, basket);
}

function takenBy({ id }: Offer, { lines, shipping }: Basket): bigint {
  const all = [...lines, shipping].flatMap(({ discounts }) => discounts);
  return add(all.filter(({ promotionId }) => promotionId === id).map(({ amount }) => amount));
}
