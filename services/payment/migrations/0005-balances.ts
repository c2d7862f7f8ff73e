import type { SchemaChange } from "#kit/data/migrations.ts";

export const balances: SchemaChange = {
  name: "0005_balances",
  up: `
    create table gift_card (
      id uuid primary key,
      code_hash bytea not null unique,
      code_suffix text not null,
      amount_minor bigint not null check (amount_minor > 0),
      balance_minor bigint not null check (balance_minor >= 0),
      currency text not null check (currency ~ '^[A-Z]{3}$'),
      expire_time timestamptz,
      disable_time timestamptz,
      disable_reason text,
      create_time timestamptz not null default now(),
      seq bigint generated always as identity unique
    );
    create index gift_card_code_suffix on gift_card (code_suffix, seq);

    create table store_credit (
      account_id uuid not null,
      currency text not null check (currency ~ '^[A-Z]{3}$'),
      balance_minor bigint not null check (balance_minor >= 0),
      primary key (account_id, currency)
    );
  `,
  down: "drop table gift_card, store_credit",
};
