import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import test from "ava";
import { uuidv7 } from "uuidv7";
import { BadRequestSchema } from "#gen/google/rpc/error_details_pb.ts";
import { PromotionService, type PromotionTermsSchema } from "#gen/souk/order/v1/promotion_pb.ts";
import { detailOf } from "#kit/error.ts";
import { refusal, shopOf } from "./order-shop.ts";

const shop = shopOf(test);
const desk = () => shop().mesh.as(PromotionService);

/** Terms as they are written down; never a message. */
type Terms = Extract<MessageInitShape<typeof PromotionTermsSchema>, { $typeName?: undefined }>;
const TEN_PERCENT: Terms = {
  displayName: "Ten percent",
  effect: { case: "percentageOff", value: { ratePpm: 100_000 } },
};

/** Makes a promotion with a coupon code, and gives its id. */
async function coupon(code: string, terms: Terms = {}): Promise<string> {
  const { promotion } = await desk().createPromotion({
    terms: { ...TEN_PERCENT, couponCodes: [code], ...terms },
  });
  return promotion?.id ?? "";
}

test.serial("terms that contradict themselves and codes that are taken are refused", async (t) => {
  const tier = (ratePpm: number) => ({ reached: { case: "minQuantity", value: 5n } as const, ratePpm });
  const code = "TAKEN";
  const id = await coupon(code);
  const bad: [Terms, string][] = [
    [{ ...TEN_PERCENT, displayName: " " }, "terms.display_name"],
    [{ displayName: "Nothing" }, "terms.effect"],
    [
      { ...TEN_PERCENT, startTime: timestampFromMs(2_000), endTime: timestampFromMs(1_000) },
      "terms.end_time",
    ],
    [
      { ...TEN_PERCENT, effect: { case: "amountOff", value: { amounts: [eur(1n), eur(2n)] } } },
      "terms.amount_off.amounts",
    ],
    [
      { ...TEN_PERCENT, effect: { case: "tieredOff", value: { tiers: [tier(1_000), tier(2_000)] } } },
      "terms.tiered_off.tiers",
    ],
  ];
  for (const [terms, field] of bad) {
    const error = await refusal(desk().createPromotion({ terms }));
    t.is(error.reason, "PROMOTION_INVALID");
    t.true(error.message.startsWith(field), error.message);
  }
  const taken = await refusal(desk().createPromotion({ terms: { ...TEN_PERCENT, couponCodes: [code] } }));
  t.like(taken, { reason: "COUPON_CODE_TAKEN", metadata: { coupon_code: code, promotion_id: id } });
});

test.serial(
  "products, categories and ways of shipping that there are not are refused, with one question",
  async (t) => {
    const { catalogue } = shop();
    const [lamp, nothing, nowhere] = [await shop().offer(1_000n), uuidv7(), uuidv7()];
    const asked = catalogue.asked;
    const conditions = { productIds: [lamp, nothing], categoryIds: [nowhere] };
    const gift = { buyQuantity: 1n, getQuantity: 1n, ratePpm: 1_000_000, getProductIds: [nothing, lamp] };
    const terms: Terms = { displayName: "Dead", conditions, effect: { case: "buyXGetY", value: gift } };
    const error = await refusal(desk().createPromotion({ terms }));
    t.is(error.reason, "PROMOTION_INVALID");
    t.deepEqual(
      detailOf(error, BadRequestSchema)?.fieldViolations.map(({ field }) => field),
      ["terms.conditions.product_ids", "terms.buy_x_get_y.get_product_ids", "terms.conditions.category_ids"],
    );
    t.true(error.message.includes(nothing), error.message);
    t.is(catalogue.asked - asked, 1);
    const drone: Terms["effect"] = {
      case: "freeShipping",
      value: { shippingMethods: ["standard", "drone"] },
    };
    const flown = await refusal(desk().createPromotion({ terms: { displayName: "By air", effect: drone } }));
    t.regex(
      flown.message,
      /^terms.free_shipping.shipping_methods names drone.*; take one of standard, express, pick-up$/,
    );
    t.is(catalogue.asked - asked, 1, "product knows nothing of shipping");
  },
);

test.serial("what a promotion names may go later, and ids may be written in capital letters", async (t) => {
  const lamp = await shop().offer(1_000n);
  const code = "CAPITALS";
  const id = await coupon(code, { conditions: { productIds: [lamp.toUpperCase()] } });
  const ada = await shop().customer();
  await ada.add(lamp);
  t.is((await ada.cart.applyCoupon({ code })).cart?.total?.minor, 900n);
  shop().catalogue.variants.delete(lamp);
  const update = (terms: Terms, ...paths: string[]) =>
    desk().updatePromotion({ id, terms, updateMask: { paths } });
  t.is((await update({ displayName: "Gone" }, "display_name")).promotion?.terms?.displayName, "Gone");
  const conditions = { productIds: [lamp, uuidv7()] };
  t.is((await refusal(update({ conditions }, "conditions"))).reason, "PROMOTION_INVALID");
});

function eur(minor: bigint) {
  return { minor, currency: "EUR" };
}
