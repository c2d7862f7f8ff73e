import fc from "fast-check";
import { CartService } from "#gen/souk/order/v1/cart_pb.ts";
import { couponsOf, isUsedUp, MOST_COUPONS } from "../cart-model.ts";
import { answered, command, outcomeOf, refused } from "../command.ts";
import { expectCart } from "../expect.ts";
import { type Model, oneOf, type Promotion, type Shopper, shopperAt } from "../model.ts";
import { SHOPPERS, WHICH } from "./choices.ts";

/** Adds a coupon to a cart, in small letters; or tries to. */
export const applyCoupon = fc.record({ by: SHOPPERS, coupon: WHICH }).map((args) =>
  command(
    "apply coupon",
    args,
    async (model, shop) => {
      const shopper = shopperAt(model, args.by);
      const coupon = oneOf(couponsOf(model), args.coupon);
      const cart = shop.call(CartService, shopper.customer);
      const outcome = await outcomeOf(
        cart.applyCoupon({ code: coupon.code.toLowerCase(), cartToken: shopper.cartToken }),
      );
      const refusal = refusalOf(model, shopper, coupon);
      if (refusal !== undefined) {
        refused(outcome, refusal);
        return;
      }
      if (!shopper.codes.includes(coupon.code)) shopper.codes.push(coupon.code);
      expectCart(answered(outcome).cart, model, shopper);
    },
    (model) => couponsOf(model).length > 0,
  ),
);

/** Takes a coupon off a cart, or one that is not there. */
export const removeCoupon = fc.record({ by: SHOPPERS, coupon: WHICH }).map((args) =>
  command(
    "remove coupon",
    args,
    async (model, shop) => {
      const shopper = shopperAt(model, args.by);
      const { code } = oneOf(couponsOf(model), args.coupon);
      const request = { code, cartToken: shopper.cartToken };
      const { cart } = await shop.call(CartService, shopper.customer).removeCoupon(request);
      shopper.codes = shopper.codes.filter((each) => each !== code);
      expectCart(cart, model, shopper);
    },
    (model) => couponsOf(model).length > 0,
  ),
);

function refusalOf(model: Model, shopper: Shopper, coupon: Promotion): string | undefined {
  if (shopper.codes.includes(coupon.code)) return undefined;
  if (shopper.codes.length >= MOST_COUPONS) return "TOO_MANY_COUPONS";
  if (coupon.isOver) return "COUPON_INVALID";
  return isUsedUp(model, coupon, shopper) ? "COUPON_EXHAUSTED" : undefined;
}
