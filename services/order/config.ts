import { type CleanedEnv, makeValidator } from "envalid";
import { milliseconds, type Settings } from "#kit/config.ts";

/** A setting that holds an amount of money in minor units, 0 or more. */
const minorUnits = makeValidator<bigint>((input) => {
  if (!/^[0-9]{1,15}$/.test(input)) throw new Error("must be a whole number of minor units, 0 or more");
  return BigInt(input);
});

/** A setting that holds a rate in hundredths of a percent. */
const basisPoints = makeValidator<bigint>((input) => {
  if (!/^[0-9]{1,5}$/.test(input))
    throw new Error("must be a whole number of hundredths of a percent, 0 or more");
  return BigInt(input);
});

/** A setting that holds an ISO 4217 code. */
const currency = makeValidator<string>((input) => {
  if (!/^[A-Z]{3}$/.test(input)) throw new Error("must be an ISO 4217 code, for example EUR");
  return input;
});

/** Order's settings. */
export const orderSettings = {
  ORDER_CURRENCY: currency({ default: "EUR", desc: "Currency of new carts and of the shipping rates" }),
  ORDER_TAX_BASIS_POINTS: basisPoints({
    default: 1_900n,
    desc: "Value added tax that prices contain, in hundredths of a percent; 1900 is 19 %",
  }),
  ORDER_SHIPPING_STANDARD: minorUnits({
    default: 490n,
    desc: "What standard shipping costs, in minor units",
  }),
  ORDER_SHIPPING_STANDARD_FREE_FROM: minorUnits({
    default: 5_000n,
    desc: "Subtotal from which standard shipping is free, in minor units",
  }),
  ORDER_SHIPPING_EXPRESS: minorUnits({
    default: 1_290n,
    desc: "What express shipping costs, in minor units",
  }),
  ORDER_RESERVATION_MS: milliseconds({
    default: 15 * 60_000,
    desc: "How long stock is set aside for an order that is being placed; longer than placing one can take with a change of process",
  }),
} satisfies Settings;

/** Order's settings, read. */
export type OrderSettings = CleanedEnv<typeof orderSettings>;
