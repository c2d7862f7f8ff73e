import type { SchemaChange } from "#kit/data/migrations.ts";

export const reconciliation: SchemaChange = {
  name: "0007_reconciliation",
  up: `
    create table reconciliation_report (
      id uuid primary key,
      seq bigint generated always as identity unique,
      provider text not null,
      start_time timestamptz not null,
      end_time timestamptz not null,
      compared bigint not null,
      create_time timestamptz not null default now()
    );
    create table reconciliation_difference (
      id uuid primary key,
      report_id uuid not null references reconciliation_report,
      seq bigint generated always as identity,
      kind text not null check (kind in ('MISSING_HERE', 'MISSING_THERE', 'AMOUNT', 'STATE', 'CURRENCY')),
      payment_id uuid,
      provider_charge_id text,
      ours_minor bigint,
      ours_currency text,
      theirs_minor bigint,
      theirs_currency text,
      resolution text,
      resolve_time timestamptz,
      check ((resolution is null) = (resolve_time is null))
    );
    create index reconciliation_difference_report_id on reconciliation_difference (report_id, seq);
  `,
  down: "drop table reconciliation_difference, reconciliation_report",
};
