import type { SchemaChange } from "#kit/data/migrations.ts";

export const openid: SchemaChange = {
  name: "0005_openid",
  up: `
    create table linked_identity (
      id uuid primary key,
      account_id uuid not null references account on delete cascade,
      provider_id text not null,
      subject text not null,
      email text not null,
      create_time timestamptz not null default now(),
      unique (provider_id, subject)
    );
    create index linked_identity_account on linked_identity (account_id);
    create table openid_flow (
      state_hash bytea primary key,
      provider_id text not null,
      account_id uuid references account on delete cascade,
      redirect_uri text not null,
      code_verifier text not null,
      nonce text not null,
      expire_time timestamptz not null
    );
    create index openid_flow_account on openid_flow (account_id);
    create index openid_flow_expire_time on openid_flow (expire_time);
  `,
  down: "drop table openid_flow; drop table linked_identity",
};
