import assert from "node:assert/strict";
import type { MessageInitShape } from "@bufbuild/protobuf";
import fc from "fast-check";
import { PromotionService, type PromotionTermsSchema } from "#gen/souk/order/v1/promotion_pb.ts";
import { command } from "../command.ts";
import type { Terms } from "../reckon.ts";
import { WHICH } from "./choices.ts";

const EFFECTS: fc.Arbitrary<Terms["effect"]> = fc.oneof(
  fc.constant("free shipping" as const),
  fc.constantFrom(100_000n, 333_333n, 1_000_000n).map((ppm) => ({ ppm })),
  fc.bigInt(1n, 30_00n).map((EUR) => ({ EUR, USD: EUR + 1n })),
);

/** So many codes fit a cart. */
export const MOST_COUPONS = 5;

/** Staff offers a coupon. */
export const offerCoupon = fc
  .record({
    effect: EFFECTS,
    priority: fc.constantFrom(0, 0, 5),
    exclusive: fc.constantFrom(false, false, true),
    minimum: fc.constantFrom(undefined, undefined, { minor: 20_00n, currency: "EUR" as const }),
    limit: fc.constantFrom(0, 1, 2),
    limitEach: fc.constantFrom(0, 0, 1),
  })
  .map((args) =>
    command("offer coupon", args, async (model, shop) => {
      const code = `C-${shop.unique().toUpperCase()}`;
      const { effect: what, priority, exclusive, minimum } = args;
      const staff = shop.call(PromotionService, { caller: "operator" });
      const { promotion } = await staff.createPromotion({
        terms: {
          displayName: "Coupon",
          couponCodes: [code],
          effect: effectOf(what),
          priority,
          exclusive,
          ...(minimum !== undefined && { conditions: { minSubtotals: [minimum] } }),
          usageLimit: BigInt(args.limit),
          usageLimitPerCustomer: BigInt(args.limitEach),
        },
      });
      model.coupons.push({ ...args, id: promotion?.id ?? "", code, isOver: false });
    }),
  );

/** Staff ends a coupon. */
export const endCoupon = fc.record({ coupon: WHICH }).map((args) =>
  command(
    "end coupon",
    args,
    async (model, shop) => {
      const coupon = model.coupons[args.coupon % model.coupons.length];
      assert.ok(coupon);
      await shop.call(PromotionService, { caller: "operator" }).endPromotion({ id: coupon.id });
      coupon.isOver = true;
    },
    (model) => model.coupons.length > 0,
  ),
);

type Effect = Extract<
  NonNullable<MessageInitShape<typeof PromotionTermsSchema>["effect"]>,
  { readonly case: string | undefined }
>;

function effectOf(what: Terms["effect"]): Effect {
  if (what === "free shipping") return { case: "freeShipping", value: {} };
  if ("ppm" in what) return { case: "percentageOff", value: { ratePpm: Number(what.ppm) } };
  const amounts = Object.entries(what).map(([currency, minor]) => ({ currency, minor }));
  return { case: "amountOff", value: { amounts } };
}
