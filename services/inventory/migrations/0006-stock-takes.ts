import type { SchemaChange } from "#kit/data/migrations.ts";

export const stockTakes: SchemaChange = {
  name: "0006_stock_takes",
  up: `
    create table stock_take (
      id uuid primary key,
      location_id uuid not null references location,
      state text not null check (state in ('OPEN', 'COMPLETED', 'CANCELLED')),
      note text not null,
      create_time timestamptz not null default now(),
      end_time timestamptz
    );
    create unique index stock_take_open on stock_take (location_id) where state = 'OPEN';
    create index stock_take_location on stock_take (location_id, id);
    create index stock_take_state on stock_take (state, id);
    create table stock_take_line (
      stock_take_id uuid not null references stock_take,
      variant_id uuid not null,
      expected bigint not null,
      counted bigint check (counted >= 0),
      primary key (stock_take_id, variant_id)
    );
  `,
  down: "drop table stock_take_line; drop table stock_take",
};
