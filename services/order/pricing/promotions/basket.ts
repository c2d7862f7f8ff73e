import { allocate } from "#kit/money.ts";
import type { LineToPrice, Offer, OrderToPrice } from "../order-to-price.ts";
import { add } from "../rates.ts";
import type { Discount } from "../totals.ts";

/** An order while promotions are applied to it, one after the other: each works on what those before left. */
export interface Basket {
  readonly order: OrderToPrice;
  readonly lines: readonly BasketLine[];
  readonly shipping: BasketItem;
}

/** A line with what was taken off it so far. */
export interface BasketLine extends BasketItem {
  readonly line: LineToPrice;
}

/** Something to pay for with what was taken off it so far. */
export interface BasketItem {
  /** Before promotions. */
  readonly subtotal: bigint;
  readonly discounts: Discount[];
}

/**
 * Puts an order into a basket, with nothing taken off but what is already.
 *
 * @param order the order
 */
export function fillBasket(order: OrderToPrice): Basket {
  return {
    order,
    lines: order.lines.map((line) => {
      return { line, subtotal: line.unitPrice * line.quantity, discounts: [...(line.discounts ?? [])] };
    }),
    shipping: { subtotal: order.shipping?.cost ?? 0n, discounts: [] },
  };
}

/** What is left to pay for an item, 0 or more. */
export function remaining({ subtotal, discounts }: BasketItem): bigint {
  return subtotal - add(discounts.map(({ amount }) => amount));
}

/**
 * Takes an amount off some lines, in proportion to what is left to pay for each; never more than that.
 *
 * @param offer the promotion that does it
 * @param lines the lines that it applies to
 * @param amount in minor units, 0 or more
 */
export function takeOffTogether(offer: Offer, lines: readonly BasketLine[], amount: bigint): void {
  const weights = lines.map(remaining);
  const left = add(weights);
  if (left === 0n || amount === 0n) return;
  const parts = allocate(amount < left ? amount : left, weights);
  for (const [index, line] of lines.entries()) takeOff(offer, line, parts[index] as bigint);
}

/**
 * Takes an amount off an item; never more than is left to pay for it.
 *
 * @param offer the promotion that does it
 * @param item the line, or shipping
 * @param amount in minor units, 0 or more
 */
export function takeOff(offer: Offer, item: BasketItem, amount: bigint): void {
  const left = remaining(item);
  const taken = amount < left ? amount : left;
  if (taken > 0n) item.discounts.push(discountOf(offer, taken));
}

/**
 * A discount of a promotion.
 *
 * @param offer the promotion
 * @param amount in minor units
 */
export function discountOf({ id, terms, couponCode }: Offer, amount: bigint): Discount {
  return { promotionId: id, displayName: terms.displayName, couponCode, amount };
}

/**
 * Puts together what each promotion takes off; the older ones come first.
 *
 * @param discounts of one or more promotions, off one or more items
 */
export function mergeDiscounts(discounts: readonly Discount[]): Discount[] {
  const byPromotion = Map.groupBy(discounts, ({ promotionId }) => promotionId);
  return [...byPromotion.values()]
    .map((same) => {
      const { pieces: _, ...first } = same[0] as Discount;
      return { ...first, amount: add(same.map(({ amount }) => amount)) };
    })
    .sort((a, b) => (a.promotionId < b.promotionId ? -1 : 1));
}
