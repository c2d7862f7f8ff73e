import type { SchemaChange } from "#kit/data/migrations.ts";

export const accounts: SchemaChange = {
  name: "0001_accounts",
  up: `
    create table account (
      id uuid primary key,
      email text not null unique check (email = lower(email)),
      password_hash text not null,
      roles text[] not null,
      create_time timestamptz not null default now()
    );
    create table refresh_token (
      token_hash bytea primary key,
      family_id uuid not null,
      account_id uuid not null references account on delete cascade,
      create_time timestamptz not null default now(),
      expire_time timestamptz not null,
      use_time timestamptz,
      revoke_time timestamptz
    );
    create index refresh_token_family on refresh_token (family_id);
    create index refresh_token_account on refresh_token (account_id);
    create index refresh_token_expire_time on refresh_token (expire_time);
    create table signing_key (
      kid text primary key,
      public_jwk jsonb not null,
      private_key bytea not null,
      create_time timestamptz not null default now()
    );
  `,
  down: "drop table signing_key; drop table refresh_token; drop table account",
};
