import test from "ava";
import fc from "fast-check";
import { readSettings } from "../../services/kit/config.ts";
import { money } from "../../services/kit/money.ts";
import { orderSettings } from "../../services/order/config.ts";
import { type Countable, priceCart } from "../../services/order/pricing/price-cart.ts";
import { type ShippingMethod, shippingCost, shippingMethods } from "../../services/order/pricing/shipping.ts";
import { taxContained } from "../../services/order/pricing/tax.ts";

const GERMANY = 1_900n;
const STANDARD: ShippingMethod = {
  id: "standard",
  name: "Standard shipping",
  rate: money(490n, "EUR"),
  freeFrom: money(5_000n, "EUR"),
};

function priced(
  lines: readonly [variantId: string, quantity: bigint, minor: bigint][],
  shipping?: ShippingMethod,
) {
  return priceCart({
    currency: "EUR",
    lines: lines.map(([variantId, quantity]) => ({ variantId, quantity })),
    prices: new Map(lines.map(([variantId, , minor]) => [variantId, money(minor, "EUR")])),
    shipping,
    taxBasisPoints: GERMANY,
  });
}

test("a cart costs its lines, its shipping, and contains the tax of both", (t) => {
  const { lines, subtotal, shipping, taxIncluded, total } = priced(
    [
      ["lamp", 1n, 3_490n],
      ["cup", 3n, 333n],
    ],
    STANDARD,
  );
  t.deepEqual(
    lines.map((line) => line.total.minor),
    [3_490n, 999n],
  );
  t.is(subtotal.minor, 4_489n);
  t.is(shipping.minor, 490n);
  t.is(total.minor, 4_979n);
  // 49.79 * 19 / 119 = 7.9497
  t.is(taxIncluded.minor, 795n);
});

test("an empty cart costs nothing", (t) => {
  const { subtotal, shipping, taxIncluded, total } = priced([]);
  t.deepEqual(
    [subtotal, shipping, taxIncluded, total].map(({ minor, currency }) => [minor, currency]),
    Array(4).fill([0n, "EUR"]),
  );
});

test("standard shipping is free from the threshold on, not a cent before", (t) => {
  t.is(shippingCost(STANDARD, money(4_999n, "EUR")).minor, 490n);
  t.is(shippingCost(STANDARD, money(5_000n, "EUR")).minor, 0n);
  t.is(shippingCost({ ...STANDARD, freeFrom: undefined }, money(1_000_000n, "EUR")).minor, 490n);
  t.throws(() => priced([], { ...STANDARD, rate: money(490n, "USD") }), { instanceOf: TypeError });
});

test("contained tax is rounded half up", (t) => {
  t.deepEqual(
    [0n, 1n, 3n, 4n, 119n, 1_190n, 4_979n, 10_000n].map((minor) => taxContained(minor, GERMANY)),
    [0n, 0n, 0n, 1n, 19n, 190n, 795n, 1_597n],
  );
  // 3 * 20 / 120 is half a cent.
  t.is(taxContained(3n, 2_000n), 1n);
  t.is(taxContained(10_000n, 0n), 0n);
  t.is(taxContained(10_000n, 700n), 654n);
});

test("a line without a price in the cart's currency counts nothing", (t) => {
  const { lines, total } = priceCart({
    currency: "EUR",
    lines: [
      { variantId: "gone", quantity: 7n },
      { variantId: "foreign", quantity: 2n },
      { variantId: "lamp", quantity: 1n },
    ],
    prices: new Map([
      ["foreign", money(500n, "USD")],
      ["lamp", money(300n, "EUR")],
    ]),
    taxBasisPoints: GERMANY,
  });
  t.deepEqual(
    lines.map((line) => line.unitPrice?.minor),
    [undefined, undefined, 300n],
  );
  t.is(total.minor, 300n);
});

test("the settings describe German shops until they are told otherwise", (t) => {
  const settings = readSettings(orderSettings, { ORDER_SHIPPING_EXPRESS: "1500" });
  t.is(settings.ORDER_TAX_BASIS_POINTS, GERMANY);
  t.deepEqual(
    shippingMethods(settings).map(({ id, rate, freeFrom }) => [
      id,
      rate.minor,
      rate.currency,
      freeFrom?.minor,
    ]),
    [
      ["standard", 490n, "EUR", 5_000n],
      ["express", 1_500n, "EUR", undefined],
    ],
  );
  t.throws(() => readSettings(orderSettings, { ORDER_SHIPPING_STANDARD: "4.90" }), {
    message: /ORDER_SHIPPING_STANDARD must be a whole number of minor units/,
  });
});

const anyAmount = (most: bigint) => fc.bigInt(0n, most).map((minor) => money(minor, "EUR"));
const variants = ["a", "b", "c", "d", "e"];
const anyPrices = fc
  .uniqueArray(fc.tuple(fc.constantFrom(...variants), anyAmount(10_000_000n)), { selector: ([id]) => id })
  .map((entries) => new Map(entries));
const anyLines = fc.array(
  fc.record({ variantId: fc.constantFrom(...variants), quantity: fc.bigInt(1n, 999n) }),
  { maxLength: 100 },
);
const anyShipping = fc.record({
  id: fc.constant("any"),
  name: fc.constant("Any"),
  rate: anyAmount(10_000n),
  freeFrom: fc.option(anyAmount(100_000_000n), { nil: undefined }),
});
const anyCart = fc.record({
  currency: fc.constant("EUR"),
  lines: anyLines,
  prices: anyPrices,
  shipping: fc.option(anyShipping, { nil: undefined }),
  taxBasisPoints: fc.bigInt(0n, 30_000n),
});

test("every breakdown adds up to the cent", (t) => {
  fc.assert(
    fc.property(anyCart, (cart) => {
      const { lines, subtotal, shipping, taxIncluded, total } = priceCart(cart);
      t.is(lines.length, cart.lines.length);
      t.is(
        lines.reduce((sum, line) => sum + line.total.minor, 0n),
        subtotal.minor,
      );
      t.is(subtotal.minor + shipping.minor, total.minor);
      t.true(taxIncluded.minor >= 0n && taxIncluded.minor <= total.minor);
    }),
  );
});

test("the contained tax is never more than half a cent off", (t) => {
  fc.assert(
    fc.property(fc.bigInt(0n, 2n ** 60n), fc.bigInt(0n, 30_000n), (minor, rate) => {
      const error = taxContained(minor, rate) * (10_000n + rate) - minor * rate;
      t.true(2n * error <= 10_000n + rate && 2n * error > -(10_000n + rate));
    }),
  );
});

test("what a cart costs depends neither on the order of its lines nor on how a quantity is split into lines", (t) => {
  const split = ({ variantId, quantity }: Countable) =>
    quantity === 1n
      ? [{ variantId, quantity }]
      : [
          { variantId, quantity: 1n },
          { variantId, quantity: quantity - 1n },
        ];
  fc.assert(
    fc.property(anyCart, (cart) => {
      const { lines: _, ...once } = priceCart(cart);
      const { lines: __, ...again } = priceCart({ ...cart, lines: cart.lines.toReversed().flatMap(split) });
      t.deepEqual(again, once);
    }),
  );
});
