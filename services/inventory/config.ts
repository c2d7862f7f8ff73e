import { milliseconds, type Settings } from "#kit/config.ts";

/** Inventory's settings. */
export const inventorySettings = {
  INVENTORY_EXPIRY_INTERVAL_MS: milliseconds({
    default: 1_000,
    desc: "How often reservations whose time is up are given back",
  }),
} satisfies Settings;
