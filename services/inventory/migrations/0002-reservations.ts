import type { SchemaChange } from "#kit/data/migrations.ts";

export const reservations: SchemaChange = {
  name: "0002_reservations",
  up: `
    create table reservation (
      id uuid primary key,
      state text not null check (state in ('HELD', 'COMMITTED', 'RELEASED')),
      expire_time timestamptz,
      create_time timestamptz not null default now(),
      update_time timestamptz not null default now(),
      constraint reservation_expire_time check (expire_time is not null or state = 'RELEASED')
    );
    create index reservation_due on reservation (expire_time) where state = 'HELD';
    create table reservation_line (
      reservation_id uuid not null references reservation,
      variant_id uuid not null references stock_level,
      quantity bigint not null check (quantity > 0),
      primary key (reservation_id, variant_id)
    );
  `,
  down: "drop table reservation_line; drop table reservation",
};
