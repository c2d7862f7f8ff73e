import type { SchemaChange } from "#kit/data/migrations.ts";

/** What is sold beyond the stock, from when on a level is low, and which shipments and the like are booked. */
export const stockPolicies: SchemaChange = {
  name: "0004_stock_policies",
  // Whether a level is low changes seldom, so that the index on it lets pages be updated in place.
  up: `
    alter table stock_level
      add column back_ordered bigint not null default 0 constraint stock_level_back_ordered check (back_ordered >= 0),
      add column back_orderable boolean not null default false,
      add column back_order_limit bigint not null default 0,
      add column low_stock_threshold bigint not null default 0,
      add column low boolean not null
        generated always as (low_stock_threshold > 0 and available <= low_stock_threshold) stored;
    create index stock_level_low on stock_level (variant_id) where low;
    create index stock_level_back_ordered on stock_level (variant_id) where back_ordered > 0;
    create table low_stock_crossing (
      id bigint generated always as identity primary key,
      variant_id uuid not null,
      available bigint not null,
      threshold bigint not null
    );
    create table back_order (
      place bigint generated always as identity primary key,
      reservation_id uuid not null references reservation,
      variant_id uuid not null references stock_level,
      quantity bigint not null check (quantity > 0),
      unique (reservation_id, variant_id)
    );
    create index back_order_variant on back_order (variant_id, place);
    create table booking (
      kind text not null check (kind in ('SHIPMENT', 'REDUCTION', 'RETURN')),
      id uuid not null,
      create_time timestamptz not null default now(),
      primary key (kind, id)
    );
  `,
  down: `
    drop table booking;
    drop table back_order;
    drop table low_stock_crossing;
    drop index stock_level_low;
    alter table stock_level
      drop column low, drop column low_stock_threshold, drop column back_order_limit,
      drop column back_orderable, drop column back_ordered;
  `,
};
