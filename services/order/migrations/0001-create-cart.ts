import type { SchemaChange } from "#kit/data/migrations.ts";

/** The carts of customers and their lines. */
export const createCart: SchemaChange = {
  name: "0001_create_cart",
  up: `
    create table cart (
      id uuid primary key,
      customer_id uuid not null unique,
      currency text not null,
      version integer not null default 1,
      create_time timestamptz not null default now(),
      update_time timestamptz not null default now()
    );
    create table cart_line (
      id uuid primary key,
      cart_id uuid not null references cart on delete cascade,
      variant_id uuid not null,
      note text not null,
      quantity bigint not null check (quantity > 0),
      position bigint not null generated always as identity,
      unique (cart_id, variant_id, note)
    );
  `,
  down: "drop table cart_line; drop table cart",
};
