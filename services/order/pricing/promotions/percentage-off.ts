import type { PercentageOff } from "#gen/souk/order/v1/promotion_pb.ts";
import type { Offer } from "../order-to-price.ts";
import { add, shareOf } from "../rates.ts";
import { type Basket, type BasketLine, remaining, takeOffTogether } from "./basket.ts";
import { amountIn } from "./conditions.ts";

/** Takes a share off what is left to pay for some lines, up to a limit where there is one. */
export function applyPercentageOff(
  { ratePpm, maxAmounts }: PercentageOff,
  offer: Offer,
  lines: readonly BasketLine[],
  { order }: Basket,
): void {
  const share = shareOf(add(lines.map(remaining)), BigInt(ratePpm));
  const limit = amountIn(maxAmounts, order.currency);
  takeOffTogether(offer, lines, limit !== undefined && limit < share ? limit : share);
}
