import type { SchemaChange } from "#kit/data/migrations.ts";

/** In which groups customers are, and whose orders are to be erased as they end. */
export const knownCustomers: SchemaChange = {
  name: "0017_known_customers",
  up: `
    create table customer_groups (
      customer_id uuid primary key,
      groups text[] not null,
      change_time timestamptz not null
    );
    create table forgotten_customer (
      customer_id uuid primary key,
      forget_time timestamptz not null default now()
    );
  `,
  down: "drop table forgotten_customer; drop table customer_groups",
};
