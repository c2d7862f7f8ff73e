import type { SchemaChange } from "#kit/data/migrations.ts";

/** Lets old bookings be found without looking at the others. */
export const bookingAge: SchemaChange = {
  name: "0009_booking_age",
  up: "create index booking_create_time on booking (create_time);",
  down: "drop index booking_create_time;",
};
