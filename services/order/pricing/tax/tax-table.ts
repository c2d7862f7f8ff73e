import type { Destination } from "../order-to-price.ts";
import type { TaxRate, TaxRules } from "./tax-rules.ts";

/** The taxes of a shop as a merchant writes them down. */
export interface TaxTable {
  /** Where the shop is: its rates are shown while it is not known where an order goes. */
  readonly homeCountry: string;
  readonly pricesIncludeTax: boolean;
  readonly rounding: "line" | "total";
  /** By country, or "country-region" for a state with rates of its own, for example "US-CA". */
  readonly places: Readonly<Record<string, PlaceTaxes>>;
  /** Countries between which companies owe the tax themselves; none when left out. */
  readonly reverseChargeCountries?: readonly string[];
}

/** The taxes of one place. */
export interface PlaceTaxes {
  /** What the tax is called there, for example "VAT". */
  readonly name: string;
  /** In hundredths of a percent, by tax class: 1900 is 19 %. What is not named is taxed as "standard". */
  readonly basisPoints: Readonly<Record<string, number>>;
}

/** The class of all that has no other. */
const STANDARD = "standard";
const PPM_PER_BASIS_POINT = 100;

/**
 * Makes tax rules of a table. Where an order goes to a place that the table does not have, it is not taxed.
 *
 * @param table the taxes
 */
export function taxTable(table: TaxTable): TaxRules {
  const { homeCountry, pricesIncludeTax, rounding, places, reverseChargeCountries = [] } = table;
  const home: Destination = { countryCode: homeCountry, region: "" };
  return {
    pricesIncludeTax,
    rounding,
    ratesFor(taxClass, destination = home) {
      const { countryCode, region } = destination;
      const taxes = places[`${countryCode}-${region}`] ?? places[countryCode];
      return taxes === undefined ? [] : [rateOf(taxes, taxClass)].filter(({ ppm }) => ppm > 0n);
    },
    isReverseCharged(vatId, destination = home) {
      const { countryCode } = destination;
      return vatId !== "" && countryCode !== homeCountry && reverseChargeCountries.includes(countryCode);
    },
  };
}

function rateOf({ name, basisPoints }: PlaceTaxes, taxClass: string): TaxRate {
  const rate = basisPoints[taxClass] ?? basisPoints[STANDARD] ?? 0;
  return { name: `${name} ${percent(rate)} %`, ppm: BigInt(rate * PPM_PER_BASIS_POINT) };
}

function percent(basisPoints: number): string {
  return String(basisPoints / 100);
}
