import test from "ava";
import fc from "fast-check";
import { allocate, money, sum, times } from "#kit/money.ts";
import { SEED } from "../seed.ts";

const minor = fc.bigInt({ min: -(10n ** 12n), max: 10n ** 12n });
const weights = fc
  .array(fc.bigInt({ min: 0n, max: 10n ** 6n }), { minLength: 1, maxLength: 20 })
  .filter((all) => all.some((weight) => weight > 0n));

test("what is divided adds up to the cent", (t) => {
  fc.assert(
    fc.property(minor, weights, (amount, parts) => {
      return allocate(amount, parts).reduce((all, part) => all + part, 0n) === amount;
    }),
    { seed: SEED },
  );
  t.deepEqual(allocate(100n, [1n, 1n, 1n]), [34n, 33n, 33n]);
});

test("no part is further than one from its exact share", (t) => {
  fc.assert(
    fc.property(minor, weights, (amount, parts) => {
      const total = parts.reduce((all, weight) => all + weight, 0n);
      return allocate(amount, parts).every((part, index) => {
        const off = part * total - amount * (parts[index] as bigint);
        return off < total && off > -total;
      });
    }),
    { seed: SEED },
  );
  t.throws(() => allocate(1n, [0n]), { instanceOf: RangeError });
});

test("currencies do not mix", (t) => {
  t.throws(() => sum([money(1n, "EUR"), money(1n, "USD")], "EUR"), { instanceOf: TypeError });
  t.is(sum([], "EUR").minor, 0n);
});

test("what does not fit 64 bits is refused, not cut off", (t) => {
  t.throws(() => times(money(2n ** 62n, "EUR"), 2n), { instanceOf: RangeError });
  t.throws(() => sum([money(2n ** 62n, "EUR"), money(2n ** 62n, "EUR")], "EUR"), { instanceOf: RangeError });
  t.is(times(money(2n ** 62n, "EUR"), 1n).minor, 2n ** 62n);
});
