import { type CleanedEnv, makeValidator } from "envalid";
import { milliseconds, type Settings } from "#kit/config.ts";

/** A setting that holds an ISO 4217 code. */
const currency = makeValidator<string>((input) => {
  if (!/^[A-Z]{3}$/.test(input)) throw new Error("must be an ISO 4217 code, for example EUR");
  return input;
});

/** A setting that holds an ISO 3166-1 alpha-2 code. */
const country = makeValidator<string>((input) => {
  if (!/^[A-Z]{2}$/.test(input)) throw new Error("must be an ISO 3166-1 alpha-2 code, for example DE");
  return input;
});

/** Order's settings. */
export const orderSettings = {
  ORDER_CURRENCY: currency({ default: "EUR", desc: "Currency of carts that do not ask for another one" }),
  ORDER_HOME_COUNTRY: country({
    default: "DE",
    desc: "Where the shop is, as ISO 3166-1 alpha-2: its taxes are shown while it is not known where an order goes",
  }),
  ORDER_CART_MS: milliseconds({
    default: 90 * 24 * 3_600_000,
    desc: "How long carts that nobody changes are kept",
  }),
  ORDER_RESERVATION_MS: milliseconds({
    default: 15 * 60_000,
    desc: "How long stock is set aside for an order that is being placed; longer than placing one can take with a change of process",
  }),
} satisfies Settings;

/** Order's settings, read. */
export type OrderSettings = CleanedEnv<typeof orderSettings>;
