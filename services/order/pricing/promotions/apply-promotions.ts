import type { Offer, OrderToPrice } from "../order-to-price.ts";
import { add } from "../rates.ts";
import type { Discount } from "../totals.ts";
import { applyAmountOff } from "./amount-off.ts";
import { type Basket, type BasketLine, discountOf, fillBasket, mergeDiscounts } from "./basket.ts";
import { applyBuyXGetY } from "./buy-x-get-y.ts";
import { eligibleLines } from "./conditions.ts";
import { applyFreeShipping } from "./free-shipping.ts";
import { applyPercentageOff } from "./percentage-off.ts";
import { applyTieredOff } from "./tiered-off.ts";

/** A basket after all promotions, with what each took off in all, in the order in which they were applied. */
export interface Discounted {
  readonly basket: Basket;
  readonly discounts: readonly Discount[];
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
  for (const offer of order.promotions.toSorted(inOrder)) {
    const { exclusive, conditions } = offer.terms;
    if (exclusive && discounts.length > 0) continue;
    const lines = eligibleLines(conditions, basket);
    if (lines === undefined) continue;
    apply(offer, lines, basket);
    const amount = takenBy(offer, basket);
    if (amount === 0n) continue;
    discounts.push(discountOf(offer, amount));
    if (exclusive) break;
  }
  return { basket, discounts };
}

/** Ids are ordered by time, so of equals the older one comes first: no order depends on chance. */
function inOrder(a: Offer, b: Offer): number {
  return b.terms.priority - a.terms.priority || (a.id < b.id ? -1 : 1);
}

function apply(offer: Offer, lines: readonly BasketLine[], basket: Basket): void {
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
