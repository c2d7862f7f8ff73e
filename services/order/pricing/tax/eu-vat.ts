import type { PlaceTaxes, TaxTable } from "./tax-table.ts";

/**
 * Value added tax in the European Union, in hundredths of a percent: the standard rate, and the reduced ones on
 * books and food (European Commission, Taxes in Europe Database). A merchant with other goods writes a table of
 * their own.
 */
export const EU_VAT: Readonly<Record<string, PlaceTaxes>> = {
  AT: vat(2_000, 1_000, 1_000),
  BE: vat(2_100, 600, 600),
  BG: vat(2_000, 900, 2_000),
  CY: vat(1_900, 300, 500),
  CZ: vat(2_100, 0, 1_200),
  DE: vat(1_900, 700, 700),
  DK: vat(2_500, 2_500, 2_500),
  EE: vat(2_400, 900, 2_400),
  ES: vat(2_100, 400, 1_000),
  FI: vat(2_550, 1_350, 1_350),
  FR: vat(2_000, 550, 550),
  GR: vat(2_400, 600, 1_300),
  HR: vat(2_500, 500, 500),
  HU: vat(2_700, 500, 2_700),
  IE: vat(2_300, 0, 0),
  IT: vat(2_200, 400, 1_000),
  LT: vat(2_100, 500, 2_100),
  LU: vat(1_700, 300, 300),
  LV: vat(2_100, 500, 2_100),
  MT: vat(1_800, 500, 0),
  NL: vat(2_100, 900, 900),
  PL: vat(2_300, 500, 500),
  PT: vat(2_300, 600, 600),
  RO: vat(2_100, 1_100, 1_100),
  SE: vat(2_500, 600, 1_200),
  SI: vat(2_200, 500, 950),
  SK: vat(2_300, 500, 1_900),
};

/**
 * The taxes of a shop in a country of the European Union: prices contain them, they are rounded once on the total,
 * and companies in other countries of the union owe them themselves.
 *
 * @param homeCountry where the shop is, ISO 3166-1 alpha-2
 */
export function euTaxes(homeCountry: string): TaxTable {
  return {
    homeCountry,
    pricesIncludeTax: true,
    rounding: "total",
    places: EU_VAT,
    reverseChargeCountries: Object.keys(EU_VAT),
  };
}

function vat(standard: number, books: number, food: number): PlaceTaxes {
  return { name: "VAT", basisPoints: { standard, books, food } };
}
