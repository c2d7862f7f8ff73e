import type { MessageInitShape } from "@bufbuild/protobuf";
import test from "ava";
import type { PromotionTermsSchema } from "#gen/souk/order/v1/promotion_pb.ts";
import { CouponObstacle } from "#gen/souk/order/v1/totals_pb.ts";
import type { Offer, OrderToPrice } from "../../services/order/pricing/order-to-price.ts";
import { priceOrder } from "../../services/order/pricing/price-order.ts";
import { add } from "../../services/order/pricing/rates.ts";
import type { Obstacle } from "../../services/order/pricing/totals.ts";
import { eur, line, offer, order, percent, taken, taxRules } from "./order-prices.ts";

type Effect = Extract<MessageInitShape<typeof PromotionTermsSchema>["effect"], { case: string }>;

test("without promotions an order costs its lines and shipping and contains the tax of each rate", (t) => {
  const totals = priceOrder(
    order([line("lamp", 1n, 3_490n), line("novel", 3n, 333n, { taxClass: "books" })]),
  );
  t.is(totals.subtotal, 4_489n);
  t.is(totals.total, 4_979n);
  // 34.90 * 19 / 119 = 5.572, 4.90 * 19 / 119 = 0.782, 9.99 * 7 / 107 = 0.654
  t.deepEqual(
    totals.taxes.map(({ rate, amount, base }) => [rate.name, amount, base]),
    [
      ["VAT standard", 557n, 2_933n],
      ["VAT books", 65n, 934n],
      ["VAT shipping", 78n, 412n],
    ],
  );
});

test("taxes that are not contained come on top, after what promotions take off", (t) => {
  const tax = taxRules({ pricesIncludeTax: false });
  const totals = priceOrder(
    order([line("lamp", 2n, 1_000n)], [percent(100_000)], { tax, shipping: undefined }),
  );
  t.is(totals.total, 1_800n + 342n);
  t.deepEqual(totals.lines[0]?.taxes[0], {
    rate: { name: "VAT standard", ppm: 190_000n },
    base: 1_800n,
    amount: 342n,
    included: false,
    reverseCharge: false,
  });
});

test("a company of another country with a VAT number pays no tax and owes it itself", (t) => {
  const customer = { groups: [], isNew: false, vatId: "ATU12345678" };
  const totals = priceOrder(order([line("lamp", 1n, 1_190n)], [], { customer, shipping: undefined }));
  t.is(totals.total, 1_000n);
  t.deepEqual(
    totals.taxes.map(({ base, amount, reverseCharge }) => [base, amount, reverseCharge]),
    [
      [1_000n, 0n, true],
      [0n, 0n, true],
    ],
  );
});

test("rounded on the total, many small lines are taxed as their sum is", (t) => {
  const lines = Array.from({ length: 10 }, (_, index) => line(`cup-${index}`, 1n, 3n));
  const at = (rounding: "line" | "total") =>
    add(
      priceOrder(order(lines, [], { tax: taxRules({ rounding }), shipping: undefined })).taxes.map(
        (it) => it.amount,
      ),
    );
  // 0.03 * 19 / 119 = 0.00479 each, 0.30 * 19 / 119 = 0.0479 together.
  t.is(at("line"), 0n);
  t.is(at("total"), 5n);
});

test("a percentage is taken off what the conditions name, up to its limit", (t) => {
  const lines = [line("lamp", 1n, 10_000n), line("novel", 1n, 5_000n, { categoryId: "books" })];
  const conditions = { categoryIds: ["books"] };
  t.is(taken(priceOrder(order(lines, [percent(200_000, {}, { conditions })]))), 1_000n);
  t.is(taken(priceOrder(order(lines, [percent(200_000, { maxAmounts: [eur(700n)] })]))), 700n);
  t.is(
    taken(priceOrder(order(lines, [percent(200_000, { maxAmounts: [{ minor: 700n, currency: "USD" }] })]))),
    3_000n,
  );
});

test("an amount is taken off once, spread to the cent, or off each piece, never more than there is to pay", (t) => {
  const lines = [line("a", 1n, 100n), line("b", 1n, 100n), line("c", 1n, 100n)];
  const amountOff = (minor: bigint, eachItem: boolean) =>
    offer({ effect: { case: "amountOff", value: { amounts: [eur(minor)], eachItem } } });
  const spread = priceOrder(order(lines, [amountOff(100n, false)]));
  t.deepEqual(spread.lines.map(taken), [34n, 33n, 33n]);
  t.is(taken(priceOrder(order(lines, [amountOff(1_000n, false)]))), 300n);
  t.is(taken(priceOrder(order([line("a", 3n, 100n)], [amountOff(40n, true)]))), 120n);
  t.is(taken(priceOrder(order(lines, [amountOff(100n, false)], { currency: "USD" }))), 0n);
});

test("of what is bought the cheapest pieces are given, as many as the numbers allow", (t) => {
  const buyXGetY = (value: object) =>
    offer({ effect: { case: "buyXGetY", value: { ratePpm: 1_000_000, ...value } } });
  const lines = [line("dear", 2n, 500n), line("cheap", 3n, 200n)];
  const off = (value: object) => taken(priceOrder(order(lines, [buyXGetY(value)])));
  t.is(off({ buyQuantity: 2n, getQuantity: 1n }), 200n);
  t.is(off({ buyQuantity: 1n, getQuantity: 1n }), 400n);
  t.is(off({ buyQuantity: 1n, getQuantity: 1n, maxTimes: 1n }), 200n);
  // Two groups: two bought with two given, and one bought with none left.
  t.is(off({ buyQuantity: 2n, getQuantity: 2n }), 400n);
  t.is(off({ buyQuantity: 6n, getQuantity: 1n }), 0n);
  t.is(off({ buyQuantity: 1n, getQuantity: 1n, getProductIds: ["dear"] }), 1_000n);
  t.is(off({ buyQuantity: 2n, getQuantity: 1n, ratePpm: 500_000 }), 100n);
});

test("the highest tier that is reached counts", (t) => {
  const tiered = offer({
    effect: {
      case: "tieredOff",
      value: {
        tiers: [
          { reached: { case: "minQuantity", value: 2n }, ratePpm: 50_000 },
          { reached: { case: "minSubtotal", value: eur(10_000n) }, ratePpm: 150_000 },
        ],
      },
    },
  });
  const off = (quantity: bigint) => taken(priceOrder(order([line("lamp", quantity, 1_000n)], [tiered])));
  t.deepEqual([off(1n), off(2n), off(9n), off(10n)], [0n, 100n, 450n, 1_500n]);
});

test("shipping is free in the ways meant, and only of what it costs", (t) => {
  const free = (shippingMethods: string[]) =>
    offer({ effect: { case: "freeShipping", value: { shippingMethods } } });
  const totals = priceOrder(order([line("lamp", 1n, 1_000n)], [free(["standard"])]));
  t.is(totals.shipping.total, 0n);
  t.is(totals.total, 1_000n);
  t.is(priceOrder(order([line("lamp", 1n, 1_000n)], [free(["express"])])).total, 1_490n);
});

test("promotions stack by priority on what is left, and an exclusive one stays alone", (t) => {
  const lines = [line("lamp", 1n, 10_000n)];
  const tenth = percent(100_000, {}, { priority: 2 });
  const fifth = percent(200_000, {}, { priority: 1 });
  t.deepEqual(
    priceOrder(order(lines, [fifth, tenth])).discounts.map(({ promotionId, amount }) => [
      promotionId,
      amount,
    ]),
    [
      [tenth.id, 1_000n],
      [fifth.id, 1_800n],
    ],
  );
  const alone = (priority: number) => percent(300_000, {}, { priority, exclusive: true });
  t.is(taken(priceOrder(order(lines, [tenth, fifth, alone(3)]))), 3_000n);
  t.is(taken(priceOrder(order(lines, [tenth, fifth, alone(0)]))), 2_800n);
});

test("each condition that does not hold keeps a promotion away, and the coupon says which", (t) => {
  const { CUSTOMER_GROUP, FIRST_ORDER, COUNTRY, PRODUCTS, QUANTITY, SUBTOTAL, CURRENCY } = CouponObstacle;
  const conditions: [object, Partial<OrderToPrice>, Obstacle][] = [
    [{ minSubtotals: [eur(10_001n)] }, {}, { obstacle: SUBTOTAL, missingAmount: 1n }],
    [{ minSubtotals: [{ minor: 1n, currency: "USD" }] }, {}, { obstacle: CURRENCY }],
    [{ minQuantity: 3n }, {}, { obstacle: QUANTITY, missingQuantity: 2n }],
    [
      { customerGroups: ["trade"] },
      { customer: { groups: ["press"], isNew: true, vatId: "" } },
      { obstacle: CUSTOMER_GROUP },
    ],
    [{ firstOrder: true }, { customer: { groups: [], isNew: false, vatId: "" } }, { obstacle: FIRST_ORDER }],
    [{ countryCodes: ["FR"] }, {}, { obstacle: COUNTRY }],
    [{ countryCodes: ["DE"] }, { destination: undefined }, { obstacle: COUNTRY }],
    [{ productIds: ["vase"] }, {}, { obstacle: PRODUCTS }],
  ];
  for (const [condition, more, obstacle] of conditions) {
    const promotion = { ...percent(100_000, {}, { conditions: condition }), couponCode: "CODE" };
    const totals = priceOrder(order([line("lamp", 1n, 10_000n)], [promotion], more));
    t.is(taken(totals), 0n, Object.keys(condition)[0]);
    t.deepEqual(totals.idleCoupons, [{ couponCode: "CODE", ...obstacle }]);
  }
  const all = {
    minSubtotals: [eur(10_000n)],
    minQuantity: 1n,
    customerGroups: ["trade"],
    firstOrder: true,
    countryCodes: ["DE"],
    productIds: ["lamp"],
  };
  const customer = { groups: ["trade"], isNew: true, vatId: "" };
  t.is(
    taken(
      priceOrder(
        order([line("lamp", 1n, 10_000n)], [percent(100_000, {}, { conditions: all })], { customer }),
      ),
    ),
    1_000n,
  );
});

test("a coupon whose conditions hold and that takes nothing off says what its effect lacks", (t) => {
  const { QUANTITY, SUBTOTAL, CURRENCY, SHIPPING, OTHER_PROMOTION, NOTHING_LEFT, PRODUCTS } = CouponObstacle;
  const tiers = (...reached: object[]): Effect => ({
    case: "tieredOff",
    value: { tiers: reached.map((it) => ({ reached: it, ratePpm: 50_000 })) as never },
  });
  const gift = (value: object): Effect => ({ case: "buyXGetY", value: { ratePpm: 1_000_000, ...value } });
  const pieces = (value: bigint) => ({ case: "minQuantity", value });
  const amount = (value: object) => ({ case: "minSubtotal", value });
  const off: Effect = { case: "percentageOff", value: { ratePpm: 100_000 } };
  const dollars = { minor: 1n, currency: "USD" };
  const lines = [line("lamp", 2n, 1_000n)];
  const cases: [Effect, Partial<OrderToPrice>, Obstacle][] = [
    [tiers(pieces(9n), pieces(5n), amount(eur(5_000n))), {}, { obstacle: QUANTITY, missingQuantity: 3n }],
    [tiers(amount(eur(5_000n)), amount(dollars)), {}, { obstacle: SUBTOTAL, missingAmount: 3_000n }],
    [tiers(amount(dollars)), {}, { obstacle: CURRENCY }],
    [gift({ buyQuantity: 2n, getQuantity: 1n }), {}, { obstacle: QUANTITY, missingQuantity: 1n }],
    [
      gift({ buyQuantity: 5n, getQuantity: 1n, getProductIds: ["vase"] }),
      {},
      { obstacle: QUANTITY, missingQuantity: 4n },
    ],
    [
      gift({ buyQuantity: 5n, getQuantity: 1n, getProductIds: ["vase"] }),
      { lines: [...lines, line("vase", 1n, 500n, { categoryId: "others" })] },
      { obstacle: QUANTITY, missingQuantity: 3n },
    ],
    [{ case: "amountOff", value: { amounts: [dollars] } }, {}, { obstacle: CURRENCY }],
    [{ case: "freeShipping", value: { shippingMethods: ["express"] } }, {}, { obstacle: SHIPPING }],
    [{ case: "freeShipping", value: {} }, { shipping: undefined }, { obstacle: SHIPPING }],
    [
      { case: "freeShipping", value: {} },
      { shipping: { method: "pick-up", cost: 0n } },
      { obstacle: NOTHING_LEFT },
    ],
    [off, { lines: [line("gift", 1n, 0n)] }, { obstacle: NOTHING_LEFT }],
  ];
  for (const [effect, more, obstacle] of cases) {
    const coupon = offer({ effect, conditions: { categoryIds: ["lamps"] } }, "C");
    t.deepEqual(
      priceOrder(order(lines, [coupon], more)).idleCoupons,
      [{ couponCode: "C", ...obstacle }],
      effect.case,
    );
  }
  const nothing = priceOrder(order([], [offer({ effect: off }, "C")]));
  t.deepEqual(nothing.idleCoupons, [{ couponCode: "C", obstacle: PRODUCTS }]);
  const alone = (priority: number) => ({
    ...percent(100_000, {}, { priority, exclusive: true }),
    couponCode: "A",
  });
  const automatic = percent(100_000, {}, { priority: 1, conditions: { productIds: ["vase"] } });
  const other = { ...percent(100_000, {}, { priority: 1 }), couponCode: "B" };
  const idle = (...offers: Offer[]) =>
    priceOrder(order(lines, offers)).idleCoupons.map(({ couponCode, obstacle }) => [couponCode, obstacle]);
  t.deepEqual(idle(alone(2), automatic, other), [["B", OTHER_PROMOTION]]);
  t.deepEqual(idle(alone(0), automatic, other), [["A", OTHER_PROMOTION]]);
  t.deepEqual(idle(automatic, other), []);
});
