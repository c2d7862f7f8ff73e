import type { SchemaChange } from "#kit/data/migrations.ts";

export const profiles: SchemaChange = {
  name: "0001_profiles",
  up: `
    create table profile (
      id uuid primary key,
      email text not null,
      first_name text not null,
      last_name text not null,
      locale text not null default '',
      version integer not null default 1,
      create_time timestamptz not null default now()
    );
    create table saved_address (
      id uuid primary key,
      user_id uuid not null,
      is_default boolean not null default false,
      name text not null,
      line1 text not null,
      line2 text not null,
      city text not null,
      region text not null,
      postal_code text not null,
      country_code text not null,
      phone text not null,
      version integer not null default 1,
      create_time timestamptz not null default now()
    );
    create index saved_address_user on saved_address (user_id, is_default desc, id);
    create unique index saved_address_one_default on saved_address (user_id) where is_default;
  `,
  down: "drop table saved_address; drop table profile",
};
