import type { SchemaChange } from "#kit/data/migrations.ts";

export const transfers: SchemaChange = {
  name: "0005_transfers",
  up: `
    create table transfer (
      id uuid primary key,
      from_location_id uuid not null references location,
      to_location_id uuid not null references location check (to_location_id <> from_location_id),
      state text not null check (state in ('IN_TRANSIT', 'RECEIVED', 'CANCELLED')),
      note text not null,
      create_time timestamptz not null default now(),
      end_time timestamptz
    );
    create index transfer_state on transfer (state, id);
    create index transfer_from on transfer (from_location_id, id);
    create index transfer_to on transfer (to_location_id, id);
    create table transfer_line (
      transfer_id uuid not null references transfer,
      variant_id uuid not null references stock_level,
      quantity bigint not null check (quantity > 0),
      received bigint not null default 0 check (received between 0 and quantity),
      in_transit bigint not null check (in_transit in (0, quantity)),
      primary key (transfer_id, variant_id)
    );
    create index transfer_line_in_transit on transfer_line (variant_id) where in_transit > 0;
  `,
  down: "drop table transfer_line; drop table transfer",
};
