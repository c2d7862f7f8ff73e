import type { SchemaChange } from "#kit/data/migrations.ts";

export const sandboxMovements: SchemaChange = {
  name: "0008_sandbox_movements",
  up: `
    alter table sandbox.charge
      drop constraint charge_status_check,
      add constraint charge_status_check check (status in (
        'action_required', 'authorized', 'partially_captured', 'captured', 'voided', 'declined')),
      add column customer text check (customer in ('confirms', 'refuses', 'waits')),
      add column return_uri text,
      add column refunds_fail boolean not null default false,
      add column captured_minor bigint not null default 0,
      add column refunded_minor bigint not null default 0,
      add column expire_time timestamptz,
      add constraint charge_never_takes_more check (captured_minor between 0 and amount_minor),
      add constraint charge_never_refunds_more check (refunded_minor between 0 and captured_minor);
    update sandbox.charge set captured_minor = amount_minor where status = 'captured';
    create table sandbox.movement (
      idempotency_key text primary key,
      charge_id text not null references sandbox.charge,
      kind text not null check (kind in ('capture', 'refund')),
      amount_minor bigint not null check (amount_minor > 0),
      create_time timestamptz not null default now()
    );
    create index movement_charge_id on sandbox.movement (charge_id);
  `,
  down: `
    drop table sandbox.movement;
    update sandbox.charge set status = case status
      when 'action_required' then 'voided' when 'partially_captured' then 'captured' else status end;
    alter table sandbox.charge
      drop constraint charge_status_check,
      drop column customer, drop column return_uri, drop column refunds_fail, drop column captured_minor,
      drop column refunded_minor, drop column expire_time,
      add constraint charge_status_check check (status in ('authorized', 'captured', 'voided', 'declined'));
  `,
};
