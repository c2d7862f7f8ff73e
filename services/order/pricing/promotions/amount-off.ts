import type { AmountOff } from "#gen/souk/order/v1/promotion_pb.ts";
import type { Offer } from "../order-to-price.ts";
import { type Basket, type BasketLine, takeOff, takeOffTogether } from "./basket.ts";
import { amountIn } from "./conditions.ts";

/** Takes an amount off each piece of some lines, or once off all of them together. */
export function applyAmountOff(
  { amounts, eachItem }: AmountOff,
  offer: Offer,
  lines: readonly BasketLine[],
  { order }: Basket,
): void {
  const amount = amountIn(amounts, order.currency) ?? 0n;
  if (eachItem) for (const line of lines) takeOff(offer, line, amount * line.line.quantity);
  else takeOffTogether(offer, lines, amount);
}
