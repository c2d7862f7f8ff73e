import type { SchemaChange } from "#kit/data/migrations.ts";

export const access: SchemaChange = {
  name: "0004_access",
  up: `
    create table role (
      name text primary key,
      display_name text not null,
      description text not null,
      permissions text[] not null,
      version integer not null default 1
    );
    create table api_key (
      id uuid primary key,
      account_id uuid not null references account on delete cascade,
      display_name text not null,
      prefix text not null,
      key_hash bytea not null unique,
      scopes text[] not null,
      create_time timestamptz not null default now(),
      expire_time timestamptz,
      last_use_time timestamptz,
      revoke_time timestamptz
    );
    create index api_key_account on api_key (account_id, id);
    create index api_key_revoke_time on api_key (revoke_time) where revoke_time is not null;
  `,
  down: "drop table api_key; drop table role",
};
