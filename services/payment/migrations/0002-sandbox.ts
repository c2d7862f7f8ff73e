import type { SchemaChange } from "#kit/data/migrations.ts";

export const sandbox: SchemaChange = {
  name: "0002_sandbox",
  up: `
    create schema sandbox;
    create table sandbox.charge (
      id text primary key,
      idempotency_key text not null unique,
      amount_minor bigint not null check (amount_minor > 0),
      currency text not null,
      status text not null check (status in ('authorized', 'captured', 'voided', 'declined')),
      decline_reason text,
      create_time timestamptz not null default now(),
      constraint charge_reason_known check ((decline_reason is not null) = (status = 'declined'))
    );
  `,
  down: "drop schema sandbox cascade",
};
