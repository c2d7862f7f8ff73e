import { milliseconds, num, type Settings } from "#kit/config.ts";

/** Product's settings. */
export const productSettings = {
  PRODUCT_CATEGORIES_MS: milliseconds({
    default: 2_000,
    desc: "How long the list of categories with their sizes is given again before it is counted anew",
  }),
  PRODUCT_MEMORY: num({
    default: 5_000,
    desc: "How many products, in answers that are given again while the catalogue stays as it is, one process keeps at most; about 6 kB each",
  }),
} satisfies Settings;
