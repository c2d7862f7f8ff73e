import test from "ava";
import fc from "fast-check";
import type { LineToPrice, Offer } from "../../services/order/pricing/order-to-price.ts";
import { partOfLine } from "../../services/order/pricing/part-of-line.ts";
import { priceOrder } from "../../services/order/pricing/price-order.ts";
import { add } from "../../services/order/pricing/rates.ts";
import type { ItemTotals } from "../../services/order/pricing/totals.ts";
import { SEED } from "../seed.ts";
import { eur, line, offer, order, taken, taxRules } from "./order-prices.ts";

const anyLine = fc.record({
  quantity: fc.bigInt({ min: 1n, max: 50n }),
  unitPrice: fc.bigInt({ min: 0n, max: 100_000n }),
  taxClass: fc.constantFrom("standard", "books", "untaxed"),
  categoryId: fc.constantFrom("lamps", "books"),
});
const anyRate = fc.integer({ min: 1, max: 1_000_000 });
const anyEffect = fc.oneof(
  anyRate.map((ratePpm) => ({ case: "percentageOff" as const, value: { ratePpm } })),
  fc.tuple(fc.bigInt({ min: 1n, max: 20_000n }), fc.boolean()).map(([minor, eachItem]) => ({
    case: "amountOff" as const,
    value: { amounts: [eur(minor)], eachItem },
  })),
  fc
    .tuple(fc.bigInt({ min: 1n, max: 4n }), fc.bigInt({ min: 1n, max: 4n }), anyRate)
    .map(([buyQuantity, getQuantity, ratePpm]) => ({
      case: "buyXGetY" as const,
      value: { buyQuantity, getQuantity, ratePpm },
    })),
  fc.record({
    case: fc.constant("freeShipping" as const),
    value: fc.record({ shippingMethods: fc.constant<string[]>([]) }),
  }),
);
const anyOrder = fc
  .record({
    lines: fc.array(anyLine, { maxLength: 8 }),
    effects: fc.array(fc.tuple(anyEffect, fc.boolean(), fc.subarray(["books"])), { maxLength: 4 }),
    included: fc.boolean(),
    rounding: fc.constantFrom("line" as const, "total" as const),
    vatId: fc.constantFrom("", "ATU12345678"),
    cost: fc.bigInt({ min: 0n, max: 2_000n }),
  })
  .map(({ lines, effects, included, rounding, vatId, cost }) =>
    order(
      lines.map((it, index) => ({ ...it, id: `line-${index}`, productId: `product-${index}` })),
      effects.map(([effect, exclusive, categoryIds]) =>
        offer({ effect, exclusive, conditions: { categoryIds } }),
      ),
      {
        tax: taxRules({ pricesIncludeTax: included, rounding }),
        customer: { groups: [], isNew: false, vatId },
        shipping: { method: "standard", cost },
      },
    ),
  );

test("whatever the order, every sum is the sum of its parts and nothing is negative", (t) => {
  fc.assert(
    fc.property(anyOrder, (input) => {
      const totals = priceOrder(input);
      const items = [...totals.lines, totals.shipping];
      const onTop = totals.taxes.filter(({ included }) => !included);
      const relief = input.customer.vatId !== "" && input.tax.pricesIncludeTax;
      const beforeRelief =
        totals.subtotal + totals.shipping.subtotal - taken(totals) + add(onTop.map((it) => it.amount));
      return (
        totals.total === add(items.map(({ total }) => total)) &&
        taken(totals) === add(items.map(taken)) &&
        (relief ? totals.total <= beforeRelief : totals.total === beforeRelief) &&
        items.every(({ subtotal, total, taxes, discounts }) =>
          [
            subtotal,
            total,
            ...taxes.flatMap((it) => [it.base, it.amount]),
            ...discounts.map((it) => it.amount),
          ].every((figure) => figure >= 0n),
        )
      );
    }),
    { seed: SEED, numRuns: 500 },
  );
  t.pass();
});

test("a coupon takes something off or says why not, and what is missing is no more than that", (t) => {
  fc.assert(
    fc.property(anyOrder, (input) => {
      const coupons = input.promotions.map((it) => ({ ...it, couponCode: it.id }));
      const { discounts, idleCoupons } = priceOrder({ ...input, promotions: coupons });
      const told = [...discounts, ...idleCoupons].map(({ couponCode }) => couponCode).toSorted();
      const all = coupons.map(({ couponCode }) => couponCode).toSorted();
      const ends = idleCoupons.every(({ couponCode, missingQuantity }) => {
        if (missingQuantity === undefined) return true;
        const alone = coupons.filter((it) => it.couponCode === couponCode);
        const inPart = input.lines.find((it) => isMeant(alone[0] as Offer, it));
        const withMore = (more: bigint) =>
          input.lines.map((it) => (it === inPart ? { ...it, quantity: it.quantity + more } : it));
        const lacks = (more: bigint) =>
          priceOrder({ ...input, promotions: alone, lines: withMore(more) }).idleCoupons.some(
            (idle) => idle.missingQuantity !== undefined,
          );
        return inPart !== undefined && lacks(missingQuantity - 1n) && !lacks(missingQuantity);
      });
      return ends && told.join() === all.join();
    }),
    { seed: SEED, numRuns: 500 },
  );
  t.pass();
});

/** The same order, where so much is off the first pieces of each line. */
function withKept(input: ReturnType<typeof order>, { pieces, minor }: { pieces: bigint; minor: bigint }) {
  const lines = input.lines.map((it) => {
    const most = it.unitPrice * (pieces < it.quantity ? pieces : it.quantity);
    const kept = {
      promotionId: "kept",
      displayName: "",
      couponCode: "",
      amount: minor < most ? minor : most,
    };
    return { ...it, discounts: [{ ...kept, ...(pieces < it.quantity && { pieces }) }] };
  });
  return { ...input, lines, promotions: [] };
}

test("however a line is cut up, its parts add up to it in each figure, and each part in itself", (t) => {
  const someCuts = fc.array(fc.bigInt({ min: 0n, max: 50n }), { maxLength: 6 });
  const someKept = fc.record({ pieces: fc.bigInt(1n, 50n), minor: fc.bigInt(0n, 200_000n) });
  fc.assert(
    fc.property(anyOrder, someCuts, fc.option(someKept), (any, cuts, kept) => {
      const input = kept === null ? any : withKept(any, kept);
      const totals = priceOrder(input);
      return input.lines.every(({ quantity }, index) => {
        const whole = totals.lines[index] as ItemTotals;
        const ends = [...new Set([0n, ...cuts.filter((cut) => cut < quantity), quantity])].sort((a, b) =>
          Number(a - b),
        );
        const parts = ends.slice(1).map((to, at) => {
          const from = ends[at] as bigint;
          return partOfLine(whole, quantity, { from, count: to - from });
        });
        const figures = figuresOf(whole).every(
          (figure, at) => figure === add(parts.map((part) => figuresOf(part)[at] as bigint)),
        );
        return figures && parts.every(({ total }) => total >= 0n);
      });
    }),
    { seed: SEED, numRuns: 500 },
  );
  t.throws(
    () =>
      partOfLine(priceOrder(order([line("a", 1n, 1n)])).lines[0] as ItemTotals, 1n, { from: 1n, count: 1n }),
    {
      instanceOf: RangeError,
    },
  );
});

test("no piece of a line costs less than nothing, and none anything where several promotions take all off", (t) => {
  const anyOff = fc.oneof(
    fc.integer({ min: 300_000, max: 1_000_000 }).map((ratePpm) => {
      return { case: "percentageOff" as const, value: { ratePpm } };
    }),
    fc.bigInt({ min: 1n, max: 500n }).map((minor) => {
      return { case: "amountOff" as const, value: { amounts: [eur(minor)], eachItem: true } };
    }),
  );
  const anyCheap = fc.record({
    quantity: fc.bigInt({ min: 1n, max: 7n }),
    price: fc.bigInt({ min: 1n, max: 1_000n }),
    effects: fc.array(anyOff, { minLength: 2, maxLength: 3 }),
    pricesIncludeTax: fc.boolean(),
    vatId: fc.constantFrom("", "ATU12345678"),
  });
  fc.assert(
    fc.property(anyCheap, ({ quantity, price, effects, pricesIncludeTax, vatId }) => {
      const offers = effects.map((effect) => offer({ effect }));
      const terms = { tax: taxRules({ pricesIncludeTax }), customer: { groups: [], isNew: false, vatId } };
      const whole = priceOrder(order([line("a", quantity, price)], offers, terms)).lines[0] as ItemTotals;
      return Array.from({ length: Number(quantity) }, (_, from) => {
        return partOfLine(whole, quantity, { from: BigInt(from), count: 1n }).total;
      }).every((cost) => (whole.total === 0n ? cost === 0n : cost >= 0n));
    }),
    { seed: SEED, numRuns: 1_000 },
  );
  t.pass();
});

function figuresOf({ subtotal, discounts, taxes, total }: ItemTotals): bigint[] {
  return [subtotal, total, ...discounts.map((it) => it.amount), ...taxes.map((it) => it.amount)];
}

function isMeant({ terms }: Offer, { categoryId }: LineToPrice): boolean {
  const categoryIds = terms.conditions?.categoryIds ?? [];
  return categoryIds.length === 0 || categoryIds.includes(categoryId);
}
