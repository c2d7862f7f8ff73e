import type { SchemaChange } from "#kit/data/migrations.ts";

export const payments: SchemaChange = {
  name: "0001_payments",
  up: `
    create table payment (
      id uuid primary key,
      state text not null check (state in ('PENDING', 'AUTHORIZED', 'CAPTURED', 'VOIDED', 'DECLINED')),
      amount_minor bigint check (amount_minor > 0),
      currency text check (currency ~ '^[A-Z]{3}$'),
      provider_charge_id text,
      decline_reason text,
      create_time timestamptz not null default now(),
      update_time timestamptz not null default now(),
      reconcile_time timestamptz,
      constraint payment_amount_known check (
        (amount_minor is null) = (currency is null) and (amount_minor is not null or state = 'VOIDED')
      ),
      constraint payment_charge_known check (
        provider_charge_id is not null or state not in ('AUTHORIZED', 'CAPTURED', 'DECLINED')
      ),
      constraint payment_reason_known check ((decline_reason is not null) = (state = 'DECLINED'))
    );
    create index payment_reconcile_time on payment (reconcile_time) where reconcile_time is not null;
  `,
  down: "drop table payment",
};
