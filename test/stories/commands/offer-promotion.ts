import type { MessageInitShape } from "@bufbuild/protobuf";
import fc from "fast-check";
import { PromotionService, type PromotionTermsSchema } from "#gen/souk/order/v1/promotion_pb.ts";
import { command } from "../command.ts";
import type { Conditions, Effect } from "../discounts.ts";
import { type Model, oneOf } from "../model.ts";
import { WHICH } from "./choices.ts";

const PPM = fc.constantFrom(100_000n, 333_333n, 1_000_000n);
const AMOUNTS = fc.bigInt(1n, 30_00n).map((EUR) => ({ EUR, USD: EUR + 1n }));
const PRODUCT = fc.constantFrom(undefined, undefined, 0, 1);

const EFFECTS: fc.Arbitrary<Effect> = fc.oneof(
  fc.record({
    kind: fc.constant("free shipping" as const),
    methods: fc.constantFrom([], [], ["express"]),
  }),
  fc.record({
    kind: fc.constant("percentage" as const),
    ppm: PPM,
    most: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: AMOUNTS }),
  }),
  fc.record({
    kind: fc.constant("amount" as const),
    off: AMOUNTS,
    each: fc.constantFrom(false, false, true),
  }),
  fc.record({
    kind: fc.constant("tiers" as const),
    tiers: fc.constantFrom(
      [
        { pieces: 2n, ppm: 50_000n },
        { pieces: 4n, ppm: 125_000n },
      ],
      [{ pieces: 3n, ppm: 333_333n }],
    ),
  }),
  fc.record({
    kind: fc.constant("buy x get y" as const),
    buy: fc.bigInt(1n, 3n),
    get: fc.bigInt(1n, 2n),
    ppm: fc.constantFrom(1_000_000n, 500_000n),
    times: fc.constantFrom(0n, 0n, 1n),
    given: PRODUCT,
  }),
);

const CONDITIONS: fc.Arbitrary<Conditions> = fc.record({
  product: PRODUCT,
  minimum: fc.constantFrom(undefined, undefined, { minor: 20_00n, currency: "EUR" as const }),
  pieces: fc.constantFrom(0n, 0n, 3n),
  who: fc.constantFrom("anybody", "anybody", "anybody", "customers", "newcomers"),
});

/** Staff offers a promotion: with a code, or an automatic one. */
export const offerPromotion = fc
  .record({
    isAutomatic: fc.constantFrom(false, false, false, true),
    effect: EFFECTS,
    conditions: CONDITIONS,
    priority: fc.constantFrom(0, 0, 5),
    exclusive: fc.constantFrom(false, false, true),
    limit: fc.constantFrom(0, 1, 2),
    limitEach: fc.constantFrom(0, 0, 1),
  })
  .map(({ isAutomatic, ...args }) =>
    command("offer promotion", { isAutomatic, ...args }, async (model, shop) => {
      const code = isAutomatic ? "" : `C-${shop.unique().toUpperCase()}`;
      const { effect, conditions, priority, exclusive, limit, limitEach } = args;
      const staff = shop.call(PromotionService, { caller: "operator" });
      const { promotion } = await staff.createPromotion({
        terms: {
          displayName: isAutomatic ? "Sale" : "Coupon",
          couponCodes: isAutomatic ? [] : [code],
          effect: toEffect(model, effect),
          conditions: toConditions(model, conditions, isAutomatic),
          priority,
          exclusive,
          usageLimit: BigInt(limit),
          usageLimitPerCustomer: BigInt(limitEach),
        },
      });
      model.promotions.push({ ...args, id: promotion?.id ?? "", code, isOver: false });
    }),
  );

/** Staff ends a promotion. */
export const endPromotion = fc.record({ promotion: WHICH }).map((args) =>
  command(
    "end promotion",
    args,
    async (model, shop) => {
      const promotion = oneOf(model.promotions, args.promotion);
      await shop.call(PromotionService, { caller: "operator" }).endPromotion({ id: promotion.id });
      promotion.isOver = true;
    },
    ({ promotions }) => promotions.length > 0,
  ),
);

type Terms = MessageInitShape<typeof PromotionTermsSchema>;

/** What is automatic names the products of its story, for the others happen in the same shop. */
function toConditions(
  { products }: Model,
  { product, minimum, pieces, who }: Conditions,
  isAutomatic: boolean,
): Terms["conditions"] {
  return {
    productIds: product !== undefined ? [oneOf(products, product)] : isAutomatic ? [...products] : [],
    minSubtotals: minimum === undefined ? [] : [minimum],
    minQuantity: pieces,
    customerGroups: who === "customers" ? ["customer"] : [],
    firstOrder: who === "newcomers",
  };
}

function toEffect({ products }: Model, effect: Effect): Extract<Terms["effect"], { case: string }> {
  switch (effect.kind) {
    case "free shipping":
      return { case: "freeShipping", value: { shippingMethods: [...effect.methods] } };
    case "percentage": {
      const { ppm, most } = effect;
      return { case: "percentageOff", value: { ratePpm: Number(ppm), maxAmounts: toAmounts(most) } };
    }
    case "amount":
      return { case: "amountOff", value: { amounts: toAmounts(effect.off), eachItem: effect.each } };
    case "tiers": {
      const tiers = effect.tiers.map(({ pieces, ppm }) => {
        return { reached: { case: "minQuantity" as const, value: pieces }, ratePpm: Number(ppm) };
      });
      return { case: "tieredOff", value: { tiers } };
    }
    case "buy x get y": {
      const { buy, get, ppm, times, given } = effect;
      const terms = { buyQuantity: buy, getQuantity: get, ratePpm: Number(ppm), maxTimes: times };
      const getProductIds = given === undefined ? [] : [oneOf(products, given)];
      return { case: "buyXGetY", value: { ...terms, getProductIds } };
    }
  }
}

function toAmounts(amounts: object = {}) {
  return Object.entries(amounts).map(([currency, minor]: [string, bigint]) => ({ currency, minor }));
}
