import { milliseconds, type Settings } from "#kit/config.ts";

/** Product's settings. */
export const productSettings = {
  PRODUCT_PRICE_INTERVAL_MS: milliseconds({
    default: 1_000,
    desc: "How often prices that have begun or ended are shown, or no longer",
  }),
} satisfies Settings;
