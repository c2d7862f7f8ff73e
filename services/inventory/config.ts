import { milliseconds, type Settings } from "#kit/config.ts";

/** Inventory's settings. */
export const inventorySettings = {
  INVENTORY_EXPIRY_INTERVAL_MS: milliseconds({
    default: 1_000,
    desc: "How often reservations whose time is up are given back",
  }),
  INVENTORY_TELL_INTERVAL_MS: milliseconds({
    default: 1_000,
    desc: "How often levels that ran low are told, and orders that wait for stock are looked at",
  }),
  INVENTORY_AUDIT_INTERVAL_MS: milliseconds({
    default: 3_600_000,
    desc: "How often the books of stock are compared",
  }),
  INVENTORY_BOOKING_MS: milliseconds({
    default: 90 * 24 * 3_600_000,
    desc: "How long it is remembered that a shipment, a cancellation, a return, a change or an arrival was booked, so that its stock moves once; longer than whoever books may go on trying",
  }),
} satisfies Settings;
