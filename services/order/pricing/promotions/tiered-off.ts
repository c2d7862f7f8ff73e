import type { PromotionTier, TieredOff } from "#gen/souk/order/v1/promotion_pb.ts";
import type { Offer } from "../order-to-price.ts";
import { add, shareOf } from "../rates.ts";
import { type Basket, type BasketLine, remaining, takeOffTogether } from "./basket.ts";
import { piecesOf, subtotalOf } from "./conditions.ts";

/** Takes the share of the highest tier that some lines reach off what is left to pay for them. */
export function applyTieredOff(
  { tiers }: TieredOff,
  offer: Offer,
  lines: readonly BasketLine[],
  { order }: Basket,
): void {
  const reached = tiers
    .filter((tier) => isReached(tier, lines, order.currency))
    .map(({ ratePpm }) => ratePpm);
  const ratePpm = BigInt(Math.max(0, ...reached));
  takeOffTogether(offer, lines, shareOf(add(lines.map(remaining)), ratePpm));
}

function isReached({ reached }: PromotionTier, lines: readonly BasketLine[], currency: string): boolean {
  switch (reached.case) {
    case "minQuantity":
      return piecesOf(lines) >= reached.value;
    case "minSubtotal":
      return reached.value.currency === currency && subtotalOf(lines) >= reached.value.minor;
    case undefined:
      return false;
  }
}
