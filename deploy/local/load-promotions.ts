import type { MessageInitShape } from "@bufbuild/protobuf";
import { PromotionService, type PromotionTermsSchema } from "#gen/souk/order/v1/promotion_pb.ts";
import { becomeOperator } from "./operator.ts";
import { operatorKey } from "./secrets.ts";
import { readLocalConfig } from "./settings.ts";

/** What the shop that runs here offers, by the key under which each is made once. */
const PROMOTIONS: Readonly<Record<string, MessageInitShape<typeof PromotionTermsSchema>>> = {
  "local-welcome": {
    displayName: "10 % off the first order",
    couponCodes: ["WELCOME10"],
    conditions: { firstOrder: true },
    usageLimitPerCustomer: 1n,
    effect: { case: "percentageOff", value: { ratePpm: 100_000 } },
  },
  "local-free-shipping": {
    displayName: "Free standard shipping",
    couponCodes: ["FREESHIP"],
    usageLimit: 1_000n,
    effect: { case: "freeShipping", value: { shippingMethods: ["standard"] } },
  },
  "local-tiers": {
    displayName: "The more, the cheaper",
    effect: {
      case: "tieredOff",
      value: {
        tiers: [
          { reached: { case: "minQuantity", value: 5n }, ratePpm: 50_000 },
          { reached: { case: "minQuantity", value: 10n }, ratePpm: 100_000 },
        ],
      },
    },
  },
};

/** Puts promotions into the shop that runs here. */
const { dataDir, ports } = readLocalConfig(process.env);
const operator = becomeOperator(operatorKey(dataDir), () => `127.0.0.1:${ports.programs["order"]}`, 60_000);
for (const [idempotencyKey, terms] of Object.entries(PROMOTIONS)) {
  await operator.scope.mesh(PromotionService).createPromotion({ terms }, { idempotencyKey });
}
process.stdout.write(`${Object.keys(PROMOTIONS).length} promotions, with coupons WELCOME10 and FREESHIP\n`);
operator.close();
