import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { readSettings } from "#kit/config.ts";
import { orderSettings } from "../../services/order/config.ts";
import { shippingTable } from "../../services/order/pricing/shipping/shipping-table.ts";
import { EU_VAT } from "../../services/order/pricing/tax/eu-vat.ts";
import { taxTable } from "../../services/order/pricing/tax/tax-table.ts";

const TAX = taxTable({
  homeCountry: "DE",
  pricesIncludeTax: true,
  rounding: "line",
  places: {
    ...EU_VAT,
    US: { name: "Sales tax", basisPoints: { standard: 0 } },
    "US-CA": { name: "Sales tax", basisPoints: { standard: 725, books: 0 } },
  },
  reverseChargeCountries: Object.keys(EU_VAT),
});

const place = (countryCode: string, region = "") => ({ countryCode, region });

test("a country, a region and a class of products have the rate that the table says", (t) => {
  const rates = (taxClass: string, ...where: [string, string?]) =>
    TAX.ratesFor(taxClass, place(...where)).map(({ name, ppm }) => `${name}: ${ppm}`);
  t.deepEqual(rates("standard", "DE"), ["VAT 19 %: 190000"]);
  t.deepEqual(rates("books", "FR"), ["VAT 5.5 %: 55000"]);
  t.deepEqual(rates("shipping", "FI"), ["VAT 25.5 %: 255000"]);
  t.deepEqual(rates("books", "IE"), []);
  t.deepEqual(rates("standard", "US", "CA"), ["Sales tax 7.25 %: 72500"]);
  t.deepEqual(rates("standard", "US", "OR"), []);
  t.deepEqual(rates("standard", "CH"), []);
});

test("while it is not known where an order goes, it is taxed as at home", (t) => {
  t.deepEqual(TAX.ratesFor("standard", undefined), TAX.ratesFor("standard", place("DE")));
});

test("a company owes the tax itself in another country of the union, not at home and not abroad", (t) => {
  t.true(TAX.isReverseCharged("ATU12345678", place("AT")));
  t.false(TAX.isReverseCharged("", place("AT")));
  t.false(TAX.isReverseCharged("DE123456789", place("DE")));
  t.false(TAX.isReverseCharged("ATU12345678", place("US")));
  t.false(TAX.isReverseCharged("ATU12345678", undefined));
});

test("tables are read from the files that settings name, and what is wrong in one is named", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "souk-tables-"));
  t.teardown(() => rm(folder, { recursive: true }));
  const file = async (name: string, table: unknown) => {
    await writeFile(join(folder, name), JSON.stringify(table));
    return join(folder, name);
  };
  const taxes = {
    homeCountry: "US",
    pricesIncludeTax: false,
    rounding: "line",
    places: { "US-CA": { name: "Sales tax", basisPoints: { standard: 725 } } },
  };
  const rate = { by: "weight", steps: [{ upTo: 1_000, cost: 500 }, { cost: 900 }], freeFrom: 5_000 };
  const zones = [
    { name: "All", places: ["*"], methods: [{ id: "post", name: "Post", rates: { USD: rate } }] },
  ];
  const env = {
    ORDER_TAX_FILE: await file("taxes.json", taxes),
    ORDER_SHIPPING_FILE: await file("shipping.json", { zones }),
  };
  const settings = readSettings(orderSettings, env);
  t.deepEqual(settings.ORDER_TAX_FILE as unknown, taxes);
  t.deepEqual(settings.ORDER_SHIPPING_FILE?.zones[0]?.methods[0]?.rates["USD"], {
    by: "weight",
    steps: [{ upTo: 1_000n, cost: 500n }, { cost: 900n }],
    freeFrom: 5_000n,
  });
  const wrong = await file("wrong.json", { ...taxes, rounding: "never" });
  t.throws(() => readSettings(orderSettings, { ORDER_TAX_FILE: wrong }), {
    message: /ORDER_TAX_FILE .*wrong\.json\.rounding must be one of line, total/,
  });
  const nowhere = await file("nowhere.json", { ...taxes, places: { "UK-X": taxes.places["US-CA"] } });
  t.throws(() => readSettings(orderSettings, { ORDER_TAX_FILE: nowhere }), {
    message: /places\.UK-X is not the code of a country .*; take GB/,
  });
  const seas = await file("seas.json", { zones: [{ ...zones[0], places: ["DE", "US-CA", "ZZ"] }] });
  t.throws(() => readSettings(orderSettings, { ORDER_SHIPPING_FILE: seas }), {
    message: /zones\[0\]\.places\[2\] is not the code of a country/,
  });
  const strange = await file("strange.json", { zones, extra: 1 });
  t.throws(() => readSettings(orderSettings, { ORDER_SHIPPING_FILE: strange }), {
    message: /extra is not known/,
  });
});

const SHIPPING = shippingTable({
  zones: [
    {
      name: "Islands",
      places: ["ES-CN"],
      methods: [{ id: "sea", name: "By sea", rates: { EUR: { by: "weight", steps: [{ cost: 3_000n }] } } }],
    },
    {
      name: "Europe",
      places: ["DE", "ES"],
      methods: [
        {
          id: "standard",
          name: "Standard",
          rates: {
            EUR: {
              by: "weight",
              steps: [
                { upTo: 1_000n, cost: 490n },
                { upTo: 30_000n, cost: 990n },
              ],
              freeFrom: 5_000n,
            },
            USD: { by: "subtotal", steps: [{ upTo: 10_000n, cost: 600n }, { cost: 300n }] },
          },
        },
        {
          id: "bulky",
          name: "Bulky",
          rates: { EUR: { by: "pieces", steps: [{ upTo: 2n, cost: 400n }, { cost: 2_000n }] } },
        },
        {
          id: "shop",
          name: "In the shop",
          isPickUp: true,
          rates: { EUR: { by: "weight", steps: [{ cost: 0n }] } },
        },
      ],
    },
    { name: "World", places: ["*"], methods: [] },
  ],
});

function offers(parcel: object, ...where: [string, string?]): string[] {
  const whole = { currency: "EUR", subtotal: 1_000n, grams: 500n, pieces: 1n, ...parcel };
  return SHIPPING.offersFor(whole, place(...where)).map(({ method, cost }) => `${method} ${cost}`);
}

test("a parcel is charged by its weight, its subtotal or its pieces, the cheapest way first", (t) => {
  t.deepEqual(offers({}, "DE"), ["shop 0", "bulky 400", "standard 490"]);
  t.deepEqual(offers({ grams: 1_001n, pieces: 3n }, "DE"), ["shop 0", "standard 990", "bulky 2000"]);
  t.deepEqual(offers({ currency: "USD" }, "DE"), ["standard 600"]);
  t.deepEqual(offers({ currency: "USD", subtotal: 10_001n }, "DE"), ["standard 300"]);
});

test("a way that a parcel is too heavy for is not offered, and one is free from its threshold on", (t) => {
  t.deepEqual(offers({ grams: 30_001n }, "DE"), ["shop 0", "bulky 400"]);
  t.deepEqual(offers({ subtotal: 5_000n }, "ES"), ["standard 0", "shop 0", "bulky 400"]);
});

test("the first zone that a place belongs to counts, and where there is none nothing is shipped", (t) => {
  t.deepEqual(offers({}, "ES", "CN"), ["sea 3000"]);
  t.deepEqual(offers({}, "US"), []);
  t.deepEqual(offers({ currency: "GBP" }, "DE"), []);
});
