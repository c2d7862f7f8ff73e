import type { TieredOff } from "#gen/souk/order/v1/promotion_pb.ts";
import { CouponObstacle } from "#gen/souk/order/v1/totals_pb.ts";
import type { Offer } from "../order-to-price.ts";
import type { Obstacle } from "../totals.ts";
import type { Basket, BasketLine } from "./basket.ts";
import { piecesUntilGiven } from "./buy-x-get-y.ts";
import { amountIn, piecesOf, subtotalOf, tooFew, tooLittle } from "./conditions.ts";
import { isMeantWay } from "./free-shipping.ts";

const NOTHING_LEFT: Obstacle = { obstacle: CouponObstacle.NOTHING_LEFT };

/**
 * Why a promotion whose conditions hold takes nothing off.
 *
 * @param offer the promotion, which was applied
 * @param lines the lines that it applies to
 * @param basket the basket
 */
export function obstacleToEffect(
  { terms: { effect } }: Offer,
  lines: readonly BasketLine[],
  basket: Basket,
): Obstacle {
  if (lines.length === 0) return { obstacle: CouponObstacle.PRODUCTS };
  const { currency } = basket.order;
  if (effect.case === "amountOff" && amountIn(effect.value.amounts, currency) === undefined)
    return { obstacle: CouponObstacle.CURRENCY };
  if (effect.case === "buyXGetY") {
    const missing = piecesUntilGiven(effect.value, lines, basket);
    return missing > 0n ? tooFew(missing) : NOTHING_LEFT;
  }
  if (effect.case === "tieredOff") return obstacleToTiers(effect.value, lines, currency);
  if (effect.case === "freeShipping" && !isMeantWay(effect.value, basket.order.shipping))
    return { obstacle: CouponObstacle.SHIPPING };
  return NOTHING_LEFT;
}

/** What it takes to the tier that is nearest: in pieces, where there is one that counts them. */
function obstacleToTiers({ tiers }: TieredOff, lines: readonly BasketLine[], currency: string): Obstacle {
  const pieces = piecesOf(lines);
  const subtotal = subtotalOf(lines);
  const toPieces = tiers.flatMap(({ reached: { case: by, value } }) =>
    by === "minQuantity" ? [value - pieces] : [],
  );
  const toAmounts = tiers.flatMap(({ reached: { case: by, value } }) =>
    by === "minSubtotal" && value.currency === currency ? [value.minor - subtotal] : [],
  );
  const distances = [...toPieces, ...toAmounts];
  if (distances.length === 0) return { obstacle: CouponObstacle.CURRENCY };
  if (distances.some((distance) => distance <= 0n)) return NOTHING_LEFT;
  return toPieces.length > 0 ? tooFew(least(toPieces)) : tooLittle(least(toAmounts));
}

function least(amounts: readonly bigint[]): bigint {
  return amounts.reduce((low, amount) => (amount < low ? amount : low));
}
