import {
  country,
  flag,
  listOf,
  oneOf,
  place,
  type Reader,
  recordOf,
  shape,
  text,
  whole,
} from "../read-table.ts";
import type { TaxTable } from "./tax-table.ts";

/** Reads the taxes of a shop as they are written in JSON, for example `{"homeCountry": "DE", ...}`. */
export const readTaxTable: Reader<TaxTable> = shape(
  {
    homeCountry: country,
    pricesIncludeTax: flag,
    rounding: oneOf("line", "total"),
    places: recordOf(
      place,
      shape({ name: text(), basisPoints: recordOf(text(/^[a-z][a-z0-9-]{0,49}$/), whole) }),
    ),
  },
  { reverseChargeCountries: listOf(country) },
);
