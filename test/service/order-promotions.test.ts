import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import test from "ava";
import { CartChangeKind } from "#gen/souk/order/v1/cart_pb.ts";
import { OrderState } from "#gen/souk/order/v1/order_pb.ts";
import {
  type Promotion,
  PromotionService,
  PromotionState,
  type PromotionTermsSchema,
  type UpdatePromotionRequestSchema,
} from "#gen/souk/order/v1/promotion_pb.ts";
import { CouponObstacle, type IdleCoupon } from "#gen/souk/order/v1/totals_pb.ts";
import { Code } from "#kit/error.ts";
import { insist } from "../chaos/insist.ts";
import { once } from "./order-after-sale.ts";
import { ADDRESS, type Customer, refusal, shopOf } from "./order-shop.ts";

const shop = shopOf(test);
const desk = () => shop().mesh.as(PromotionService);

/** Terms as they are written down; never a message. */
type Terms = Extract<MessageInitShape<typeof PromotionTermsSchema>, { $typeName?: undefined }>;
const TEN_PERCENT: Terms = {
  displayName: "Ten percent",
  effect: { case: "percentageOff", value: { ratePpm: 100_000 } },
};

let count = 0;
/** Makes a promotion with a coupon code of its own. */
async function coupon(terms: Terms = {}): Promise<[code: string, promotion: Promotion]> {
  const code = `CODE-${++count}`;
  return [code, await promote({ ...TEN_PERCENT, couponCodes: [code], ...terms })];
}

async function promote(terms: Terms): Promise<Promotion> {
  return (await desk().createPromotion({ terms })).promotion as Promotion;
}

async function used(id: string): Promise<bigint | undefined> {
  return (await desk().getPromotion({ id })).promotion?.used;
}

/** A customer with something that costs 10.00 in the cart. */
async function shopper(code = ""): Promise<Customer> {
  const ada = await shop().customer();
  await ada.add(await shop().offer(1_000n));
  if (code !== "") await ada.cart.applyCoupon({ code });
  return ada;
}

test.serial(
  "a coupon takes off in the cart, the quote and the order what it says, to the cent",
  async (t) => {
    const [code, { id }] = await coupon();
    const ada = await shopper();
    const { cart } = await ada.cart.applyCoupon({ code: ` ${code.toLowerCase()}` });
    t.like(cart, { couponCodes: [code], subtotal: { minor: 1_000n }, total: { minor: 900n } });
    t.like(cart?.discounts[0], { promotionId: id, displayName: "Ten percent", couponCode: code });
    t.is(cart?.lines[0]?.discount?.minor, 100n);
    const { quotes } = await ada.checkout.getQuote({ shippingAddress: ADDRESS });
    const quote = quotes.find(({ shippingMethod }) => shippingMethod === "standard");
    t.is(quote?.total?.minor, 1_390n);
    const order = await ada.place({ expectedTotal: quote?.total });
    t.like(order, { total: { minor: 1_390n }, couponCodes: [code] });
    t.like(order.discounts[0], { promotionId: id, couponCode: code, amount: { minor: 100n } });
    t.is(order.lines[0]?.total?.minor, 900n);
    t.is((await shop().payment(order.id)).amount?.minor, 1_390n);
    t.is(await used(id), 1n);
  },
);

test.serial(
  "a coupon that is unknown, over, used up or one too many is refused with the reason",
  async (t) => {
    const ada = await shopper();
    const apply = (code: string) => refusal(ada.cart.applyCoupon({ code }));
    t.like(await apply("NO-SUCH"), { reason: "COUPON_INVALID", metadata: { why: "unknown" } });
    const [over, { id }] = await coupon();
    await desk().endPromotion({ id });
    t.like(await apply(over), { reason: "COUPON_INVALID", metadata: { why: "over" } });
    const [early] = await coupon({ startTime: timestampFromMs(Date.now() + 3_600_000) });
    t.like(await apply(early), { reason: "COUPON_INVALID", metadata: { why: "not yet" } });
    const [once] = await coupon({ usageLimit: 1n });
    await (await shopper(once)).place();
    t.like(await apply(once), { reason: "COUPON_EXHAUSTED", code: Code.FAILED_PRECONDITION });
    for (let index = 0; index < 5; index++) await ada.cart.applyCoupon({ code: (await coupon())[0] });
    t.is((await apply((await coupon())[0])).reason, "TOO_MANY_COUPONS");
    const { cart } = await ada.cart.getCart({});
    const first = cart?.couponCodes[0] ?? "";
    for (let time = 0; time < 2; time++) {
      t.is((await ada.cart.removeCoupon({ code: first })).cart?.couponCodes.length, 4);
    }
  },
);

test.serial("of 50 who want the last use of a coupon at once one gets it", async (t) => {
  const [code, { id }] = await coupon({ usageLimit: 1n });
  const customers: Customer[] = [];
  while (customers.length < 50)
    customers.push(...(await Promise.all(Array.from({ length: 10 }, () => shopper(code)))));
  const outcomes = await Promise.allSettled(
    customers.map((it) => {
      const key = once();
      return insist(() => it.place({}, key));
    }),
  );
  t.is(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
  for (const it of outcomes) {
    if (it.status === "rejected")
      t.like(it.reason, { reason: "COUPON_EXHAUSTED", metadata: { coupon_code: code, used_up: "in all" } });
  }
  t.like((await desk().getPromotion({ id })).promotion, { used: 1n, state: PromotionState.EXHAUSTED });
});

test.serial("a customer uses a coupon as often as each may, also at once and with others", async (t) => {
  const [code, { id }] = await coupon({ usageLimitPerCustomer: 1n });
  const [ada, bob] = [await shopper(code), await shopper(code)];
  t.is((await ada.place()).discounts.length, 1);
  await ada.add(await shop().offer(1_000n));
  const again = await refusal(ada.cart.applyCoupon({ code }));
  t.like(again, { reason: "COUPON_EXHAUSTED", metadata: { used_up: "by customer" } });
  t.is((await ada.place()).discounts.length, 0);
  t.is((await bob.place()).discounts.length, 1);
  t.is(await used(id), 2n);
});

test.serial(
  "who orders a cart several times at once uses its coupon once, and finds nothing left",
  async (t) => {
    const [code, { id }] = await coupon({ usageLimitPerCustomer: 1n });
    const ada = await shopper(code);
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => ada.place()));
    t.is(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
    for (const it of outcomes) if (it.status === "rejected") t.is(it.reason.reason, "CART_EMPTY");
    t.is(await used(id), 1n);
  },
);

test.serial("the use of an order that fails or is cancelled is given back, once", async (t) => {
  const [code, { id }] = await coupon({ usageLimit: 1n, usageLimitPerCustomer: 1n });
  const ada = await shopper(code);
  t.is((await refusal(ada.place({ token: "tok_declined" }))).reason, "PAYMENT_DECLINED");
  t.is(await used(id), 0n);
  const order = await ada.place();
  t.is(order.discounts.length, 1);
  t.is(await used(id), 1n);
  await Promise.all([1, 2, 3].map(() => ada.orders.cancelOrder({ id: order.id })));
  t.is(await used(id), 0n);
  await ada.add(await shop().offer(1_000n));
  await ada.cart.applyCoupon({ code });
  t.like(await ada.place(), { state: OrderState.CONFIRMED, couponCodes: [code] });
});

test.serial(
  "an order takes the coupons that it used out of the cart, and leaves those that it did not",
  async (t) => {
    const [code] = await coupon();
    const [dear] = await coupon({ conditions: { minSubtotals: [{ minor: 100_000n, currency: "EUR" }] } });
    const [late] = await coupon({ priority: 1 });
    const ada = await shopper(dear);
    for (const each of [code, late]) await ada.cart.applyCoupon({ code: each });
    t.deepEqual((await ada.place()).couponCodes.toSorted(), [code, late].toSorted());
    const { cart } = await ada.cart.getCart({});
    t.deepEqual([cart?.couponCodes, cart?.changes], [[dear], []]);
  },
);

test.serial("an automatic promotion that is used up is left out, and who expects it is told", async (t) => {
  const productId = await shop().offer(1_000n);
  const { id } = await promote({ ...TEN_PERCENT, usageLimit: 3n, conditions: { productIds: [productId] } });
  const customers = await Promise.all(Array.from({ length: 8 }, () => shop().customer()));
  await Promise.all(customers.map((it) => it.add(productId)));
  const orders = await Promise.all(customers.map((it) => it.place()));
  t.is(orders.filter(({ discounts }) => discounts.length === 1).length, 3);
  t.is(orders.filter(({ total }) => total?.minor === 1_490n).length, 5);
  t.is(await used(id), 3n);
  const ada = await shop().customer();
  await ada.add(productId);
  const expectedTotal = { $typeName: "souk.mesh.v1.Money", minor: 1_390n, currency: "EUR" } as const;
  t.is((await refusal(ada.place({ expectedTotal }))).reason, "TOTAL_CHANGED");
});

test.serial("the first order of a customer is the first one that is not cancelled", async (t) => {
  const [code] = await coupon({ conditions: { firstOrder: true } });
  const ada = await shopper(code);
  const first = await ada.place();
  t.is(first.discounts.length, 1);
  await ada.add(await shop().offer(1_000n));
  t.is((await ada.cart.applyCoupon({ code })).cart?.discounts.length, 0);
  await ada.orders.cancelOrder({ id: first.id });
  t.is((await ada.cart.getCart({})).cart?.discounts.length, 1);
});

test.serial("a coupon that no longer applies is told as a change of the cart", async (t) => {
  const [code, { id }] = await coupon();
  const ada = await shopper(code);
  t.deepEqual((await ada.cart.getCart({})).cart?.changes, []);
  await desk().endPromotion({ id });
  const { cart } = await ada.cart.getCart({});
  t.like(cart?.changes, [{ kind: CartChangeKind.COUPON, couponCode: code }]);
  t.is(cart?.total?.minor, 1_000n);
});

test.serial(
  "a coupon that takes nothing off yet is kept, and cart and quote say what it lacks",
  async (t) => {
    const { QUANTITY, SUBTOTAL, SHIPPING, CUSTOMER_GROUP, USED_UP, NOT_IN_FORCE } = CouponObstacle;
    const [few] = await coupon({ conditions: { minQuantity: 3n } });
    const [cheap] = await coupon({ conditions: { minSubtotals: [eur(2_500n)] } });
    const [trade] = await coupon({ conditions: { customerGroups: ["trade"] } });
    const [free] = await coupon({
      effect: { case: "freeShipping", value: { shippingMethods: ["express"] } },
    });
    const [once, { id }] = await coupon({ usageLimit: 1n });
    const lamp = await shop().offer(1_000n);
    const ada = await shop().customer();
    await ada.add(lamp);
    for (const code of [few, cheap, trade, free]) await ada.cart.applyCoupon({ code });
    const { cart } = await ada.cart.applyCoupon({ code: once });
    t.like(cart?.idleCoupons, [
      { couponCode: few, obstacle: QUANTITY, missingQuantity: 2n },
      { couponCode: cheap, obstacle: SUBTOTAL, missingAmount: eur(1_500n) },
      { couponCode: trade, obstacle: CUSTOMER_GROUP },
      { couponCode: free, obstacle: SHIPPING },
    ]);
    t.is(cart?.idleCoupons.length, 4);
    await (await shopper(once)).place();
    await ada.add(lamp, 2n);
    const obstacles = (idle: IdleCoupon[] = []) =>
      idle.map(({ couponCode, obstacle }) => [couponCode, obstacle]);
    const usedUp = [once, USED_UP];
    const left = [[trade, CUSTOMER_GROUP], [free, SHIPPING], usedUp];
    t.deepEqual(obstacles((await ada.cart.getCart({})).cart?.idleCoupons), left);
    const { quotes } = await ada.checkout.getQuote({ shippingAddress: ADDRESS });
    for (const { shippingMethod, idleCoupons } of quotes) {
      const isFree = shippingMethod === "express";
      t.deepEqual(
        obstacles(idleCoupons),
        isFree ? left.filter(([code]) => code !== free) : left,
        shippingMethod,
      );
    }
    await desk().endPromotion({ id });
    t.deepEqual(obstacles((await ada.cart.getCart({})).cart?.idleCoupons).at(-1), [once, NOT_IN_FORCE]);
  },
);

test.serial("a promotion is changed by mask and etag, listed by state and code, and ended", async (t) => {
  const [code, made] = await coupon({ usageLimit: 5n });
  const { id } = made;
  const change = {
    id,
    terms: { displayName: "Two euros", effect: { case: "amountOff", value: { amounts: [eur(200n)] } } },
    updateMask: { paths: ["display_name", "amount_off"] },
    etag: made.etag,
  } satisfies MessageInitShape<typeof UpdatePromotionRequestSchema>;
  const changed = (await desk().updatePromotion(change)).promotion;
  t.like(changed?.terms, { displayName: "Two euros", usageLimit: 5n, couponCodes: [code] });
  t.is((await refusal(desk().updatePromotion(change))).reason, "ETAG_MISMATCH");
  t.is((await (await shopper(code)).place()).discounts[0]?.amount?.minor, 200n);
  const list = await desk().listPromotions({ couponCode: code, state: PromotionState.ACTIVE });
  t.like(list.promotions, [{ id, used: 1n }]);
  for (let time = 0; time < 2; time++) {
    t.is((await desk().endPromotion({ id })).promotion?.state, PromotionState.ENDED);
  }
  t.deepEqual(
    (await desk().listPromotions({ couponCode: code, state: PromotionState.ACTIVE })).promotions,
    [],
  );
  const page = await desk().listPromotions({ pageSize: 1 });
  const next = await desk().listPromotions({ pageSize: 1, pageToken: page.nextPageToken });
  t.true((page.promotions[0]?.id ?? "") > (next.promotions[0]?.id ?? ""));
});

test.serial("a limit that comes later counts the orders of before", async (t) => {
  const [code, { id }] = await coupon();
  const ada = await shopper(code);
  await ada.place();
  t.is(await used(id), 1n);
  await desk().updatePromotion({
    id,
    terms: { usageLimit: 2n, usageLimitPerCustomer: 1n },
    updateMask: { paths: ["usage_limit", "usage_limit_per_customer"] },
  });
  t.is(await used(id), 1n);
  await ada.add(await shop().offer(1_000n));
  t.is((await refusal(ada.cart.applyCoupon({ code }))).metadata.used_up, "by customer");
  await (await shopper(code)).place();
  t.is((await refusal((await shop().customer()).cart.applyCoupon({ code }))).reason, "COUPON_EXHAUSTED");
});

function eur(minor: bigint) {
  return { minor, currency: "EUR" };
}
