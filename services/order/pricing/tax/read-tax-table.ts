import { flag, listOf, oneOf, type Reader, recordOf, shape, text, whole } from "../read-table.ts";
import type { TaxTable } from "./tax-table.ts";

const COUNTRY = /^[A-Z]{2}$/;

/** Reads the taxes of a shop as they are written in JSON, for example `{"homeCountry": "DE", ...}`. */
export const readTaxTable: Reader<TaxTable> = shape(
  {
    homeCountry: text(COUNTRY),
    pricesIncludeTax: flag,
    rounding: oneOf("line", "total"),
    places: recordOf(
      /^[A-Z]{2}(-.{1,100})?$/,
      shape({ name: text(), basisPoints: recordOf(/^[a-z][a-z0-9-]{0,49}$/, whole) }),
    ),
  },
  { reverseChargeCountries: listOf(text(COUNTRY)) },
);
