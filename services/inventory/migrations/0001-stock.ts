import type { SchemaChange } from "#kit/data/migrations.ts";

export const stock: SchemaChange = {
  name: "0001_stock",
  // Levels change often and never in an indexed column: with room in each page PostgreSQL updates them in place.
  up: `
    create table stock_level (
      variant_id uuid primary key,
      available bigint not null default 0,
      reserved bigint not null default 0,
      constraint stock_level_available check (available >= 0),
      constraint stock_level_reserved check (reserved >= 0)
    ) with (fillfactor = 50);
    create table stock_movement (
      id bigint generated always as identity primary key,
      variant_id uuid not null,
      available_delta bigint not null,
      reserved_delta bigint not null,
      reason text not null check (reason in ('OPENING', 'ADJUSTMENT', 'RESERVATION', 'RELEASE', 'EXPIRY')),
      reference text not null,
      note text not null default '',
      create_time timestamptz not null default now()
    );
    create index stock_movement_variant on stock_movement (variant_id, id);
    create unique index stock_movement_opening on stock_movement (variant_id) where reason = 'OPENING';
  `,
  down: "drop table stock_movement; drop table stock_level",
};
