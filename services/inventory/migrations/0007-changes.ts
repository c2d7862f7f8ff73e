import type { SchemaChange } from "#kit/data/migrations.ts";

/** Reservations whose orders changed. */
export const changes: SchemaChange = {
  name: "0007_changes",
  up: `
    alter table booking
      drop constraint booking_kind_check,
      add constraint booking_kind_check check (kind in ('SHIPMENT', 'REDUCTION', 'RETURN', 'CHANGE'));
  `,
  down: `
    delete from booking where kind = 'CHANGE';
    alter table booking
      drop constraint booking_kind_check,
      add constraint booking_kind_check check (kind in ('SHIPMENT', 'REDUCTION', 'RETURN'));
  `,
};
