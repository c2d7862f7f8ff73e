import type { SchemaChange } from "#kit/data/migrations.ts";

/** Lets transfers arrive in parts. */
export const partialTransfers: SchemaChange = {
  name: "0010_partial_transfers",
  up: `
    alter table transfer_line add column written_off bigint not null default 0 check (written_off >= 0);
    update transfer_line set written_off = quantity - received
      from transfer where transfer.id = transfer_id and state = 'RECEIVED' and received < quantity;
    alter table transfer_line
      drop constraint transfer_line_check1,
      add constraint transfer_line_progress
        check (in_transit >= 0 and received + written_off + in_transit <= quantity);
    alter table booking
      drop constraint booking_kind_check,
      add constraint booking_kind_check check (kind in ('SHIPMENT', 'REDUCTION', 'RETURN', 'CHANGE', 'ARRIVAL'));
  `,
  down: `
    delete from booking where kind = 'ARRIVAL';
    alter table booking
      drop constraint booking_kind_check,
      add constraint booking_kind_check check (kind in ('SHIPMENT', 'REDUCTION', 'RETURN', 'CHANGE'));
    alter table transfer_line
      drop constraint transfer_line_progress,
      add constraint transfer_line_check1 check (in_transit in (0, quantity)) not valid,
      drop column written_off;
  `,
};
