import type { MessageInitShape } from "@bufbuild/protobuf";
import { PromotionService, type PromotionTermsSchema } from "#gen/souk/order/v1/promotion_pb.ts";
import { ProductService } from "#gen/souk/product/v1/product_pb.ts";
import type { Scope } from "#kit/scope.ts";
import { becomeOperator } from "./operator.ts";
import { runTool } from "./run-tool.ts";
import { operatorKey } from "./secrets.ts";
import { readLocalConfig } from "./settings.ts";

type Terms = MessageInitShape<typeof PromotionTermsSchema>;

/** What the shop that runs here offers, by the key under which each is made once. */
const PROMOTIONS: Readonly<Record<string, Terms>> = {
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

/** Three for the price of two in this category. */
const THREE_FOR_TWO = "toys";

const TIMEOUT_MS = 60_000;

/** Puts promotions into the shop that runs here. */
await runTool(async () => {
  const { dataDir, ports } = readLocalConfig(process.env);
  const addressOf = (service: string) => `127.0.0.1:${ports.programs[service]}`;
  const operator = becomeOperator(operatorKey(dataDir), addressOf, TIMEOUT_MS);
  try {
    const promotions = { ...PROMOTIONS, "local-three-for-two": await threeForTwo(operator.scope) };
    for (const [idempotencyKey, terms] of Object.entries(promotions)) {
      await operator.scope.mesh(PromotionService).createPromotion({ terms }, { idempotencyKey });
    }
    process.stdout.write(
      `${Object.keys(promotions).length} promotions, with coupons WELCOME10 and FREESHIP\n`,
    );
  } finally {
    operator.close();
  }
});

async function threeForTwo({ mesh }: Scope): Promise<Terms> {
  const { categories } = await mesh(ProductService).listCategories({});
  const category = categories.find((each) => each.category?.slug === THREE_FOR_TWO)?.category;
  if (category === undefined) throw new Error(`the catalogue has no category ${THREE_FOR_TWO}`);
  return {
    displayName: `${category.name}: three for the price of two`,
    conditions: { categoryIds: [category.id] },
    effect: { case: "buyXGetY", value: { buyQuantity: 2n, getQuantity: 1n, ratePpm: 1_000_000 } },
  };
}
