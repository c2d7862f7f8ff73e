import { CouponObstacle } from "#gen/souk/order/v1/totals_pb.ts";
import type { IdleCoupon, Totals } from "../pricing/totals.ts";
import type { CartState, StoredCart } from "./read-cart.ts";

/**
 * The coupons of a cart that take nothing off, and why: as the price says of those that are in force, and as the
 * promotions themselves say of the others.
 *
 * @param cart the cart
 * @param state what it was read with
 * @param totals what it costs
 */
export function idleCouponsOf(
  { couponCodes }: StoredCart,
  { candidates }: Pick<CartState, "candidates">,
  { idleCoupons, discounts }: Totals,
): IdleCoupon[] {
  return couponCodes.flatMap((couponCode): IdleCoupon[] => {
    if (discounts.some((discount) => discount.couponCode === couponCode)) return [];
    const known = idleCoupons.find((idle) => idle.couponCode === couponCode);
    if (known !== undefined) return [known];
    const isUsedUp = candidates.some(({ code, usedUp }) => code === couponCode && usedUp !== "");
    const { USED_UP, NOT_IN_FORCE } = CouponObstacle;
    return [{ couponCode, obstacle: isUsedUp ? USED_UP : NOT_IN_FORCE }];
  });
}
