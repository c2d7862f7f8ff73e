import test from "ava";
import { isCountry, noCountry } from "#kit/country.ts";

/** What Unicode has names for, and ISO 3166-1 no country: reserved codes, groups of countries, and what stands for none. */
const NO_COUNTRIES = "AC CP CQ DG EA EU EZ IC QO TA UN XA XB ZZ".split(" ");
const LETTERS = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"];

test("the countries are those that Unicode knows by their own code, without those that are none", (t) => {
  const names = new Intl.DisplayNames("en", { type: "region", fallback: "none" });
  for (const code of LETTERS.flatMap((one) => LETTERS.map((other) => one + other))) {
    const isKnown = names.of(code) !== undefined && new Intl.Locale(`und-${code}`).region === code;
    t.is(isCountry(code), isKnown && !NO_COUNTRIES.includes(code), code);
  }
});

test("what is no country is told with what to write in its place", (t) => {
  t.regex(noCountry("UK"), /take GB$/);
  t.regex(noCountry("SU"), /take RU$/);
  for (const code of ["ZZ", "", "de", "Germany", "😀"]) t.regex(noCountry(code), /for example DE$/);
});
