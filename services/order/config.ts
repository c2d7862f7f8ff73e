import { readFileSync } from "node:fs";
import { type CleanedEnv, makeValidator, str } from "envalid";
import { milliseconds, type Settings } from "#kit/config.ts";
import { isCountry, noCountry } from "#kit/country.ts";
import type { Reader } from "./pricing/read-table.ts";
import { readShippingTable } from "./pricing/shipping/read-shipping-table.ts";
import { readTaxTable } from "./pricing/tax/read-tax-table.ts";

/** A setting that holds an ISO 4217 code. */
const currency = makeValidator<string>((input) => {
  if (!/^[A-Z]{3}$/.test(input)) throw new Error("must be an ISO 4217 code, for example EUR");
  return input;
});

/** A setting that holds an ISO 3166-1 alpha-2 code. */
const country = makeValidator<string>((input) => {
  if (!isCountry(input)) throw new Error(noCountry(input));
  return input;
});

/** A setting that names a JSON file with a table. */
function tableFile<T>(read: Reader<T>) {
  return makeValidator<T>((path) => read(JSON.parse(readFileSync(path, "utf8")), path));
}

/** Order's settings. */
export const orderSettings = {
  ORDER_CURRENCY: currency({ default: "EUR", desc: "Currency of carts that do not ask for another one" }),
  ORDER_HOME_COUNTRY: country({
    default: "DE",
    desc: "Where the shop is, as ISO 3166-1 alpha-2: its taxes are shown while it is not known where an order goes; ORDER_TAX_FILE says it for itself",
  }),
  ORDER_TAX_FILE: tableFile(readTaxTable)({
    default: undefined,
    desc: "JSON file with the taxes by country, region and class of product; the value added tax of the European Union when it is not set",
  }),
  ORDER_SHIPPING_FILE: tableFile(readShippingTable)({
    default: undefined,
    desc: "JSON file with the zones, the ways of shipping to them and what they cost; at home, in the European Union and elsewhere when it is not set",
  }),
  ORDER_CART_MS: milliseconds({
    default: 90 * 24 * 3_600_000,
    desc: "How long carts that nobody changes are kept",
  }),
  ORDER_RESERVATION_MS: milliseconds({
    default: 15 * 60_000,
    desc: "How long stock is set aside for an order that is being placed; longer than placing one can take with a change of process",
  }),
  ORDER_CONFIRM_PAYMENT_MS: milliseconds({
    default: 15 * 60_000,
    desc: "How long an order waits at most, with its stock and its cart, for its customer to confirm the payment at the payment provider, as 3-D Secure asks; at most a day, less ORDER_RESERVATION_MS",
  }),
  ORDER_RETURN_ORIGINS: str({
    default: "http://localhost:3000,http://localhost:5173,http://localhost:8080",
    desc: "Origins of pages to which payment providers may send browsers back, separated by commas; * for any",
  }),
  ORDER_RETURN_PERIOD_MS: milliseconds({
    default: 30 * 24 * 60 * 60_000,
    desc: "How long after an order was last sent, or arrived, it can be sent back",
  }),
  ORDER_SELLER: str({
    default: "Souk",
    desc: "Who sells, for invoices and packing slips: name, address and tax numbers, separated by semicolons",
  }),
  ORDER_DOCUMENT_FONT: str({
    default: "",
    desc: "TrueType font file for invoices and packing slips; Helvetica, with the letters of western Europe alone, when empty",
  }),
} satisfies Settings;

/** Order's settings, read. */
export type OrderSettings = CleanedEnv<typeof orderSettings>;
