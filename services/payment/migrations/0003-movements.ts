import type { SchemaChange } from "#kit/data/migrations.ts";

export const movements: SchemaChange = {
  name: "0003_movements",
  up: `
    alter table payment
      add column provider text not null default 'sandbox',
      add column account_id uuid,
      add column card_minor bigint not null default 0 check (card_minor >= 0),
      add column card_open_minor bigint not null default 0 check (card_open_minor >= 0),
      add column card_captured_minor bigint not null default 0,
      add column card_refunded_minor bigint not null default 0,
      add column captured_minor bigint not null default 0,
      add column refunded_minor bigint not null default 0,
      add column action_uri text,
      add column expire_time timestamptz;
    update payment set card_minor = amount_minor where amount_minor is not null;
    update payment set card_open_minor = card_minor, expire_time = create_time + interval '7 days'
      where state = 'AUTHORIZED';
    update payment set captured_minor = card_minor, card_captured_minor = card_minor where state = 'CAPTURED';
    alter table payment
      drop constraint payment_state_check,
      drop constraint payment_charge_known,
      add constraint payment_state_check check (state in (
        'PENDING', 'ACTION_REQUIRED', 'AUTHORIZED', 'PARTIALLY_CAPTURED', 'CAPTURED', 'PARTIALLY_REFUNDED',
        'REFUNDED', 'VOIDED', 'DECLINED', 'EXPIRED')),
      add constraint payment_charge_known check (
        provider_charge_id is not null or card_minor = 0 or state in ('PENDING', 'VOIDED', 'DECLINED')
      ),
      add constraint payment_never_takes_more check (
        card_open_minor + card_captured_minor <= card_minor and captured_minor <= amount_minor
      ),
      add constraint payment_never_refunds_more check (
        card_refunded_minor between 0 and card_captured_minor and refunded_minor between 0 and captured_minor
      );
    create unique index payment_provider_charge_id on payment (provider_charge_id, provider)
      where provider_charge_id is not null;
    create index payment_expire_time on payment (expire_time) where expire_time is not null;
    create index payment_create_time on payment (create_time, id);
    create index payment_account_id on payment (account_id, create_time, id) where account_id is not null;

    create table payment_part (
      payment_id uuid not null references payment,
      position int not null check (position > 0),
      kind text not null check (kind in ('GIFT_CARD', 'STORE_CREDIT')),
      holder_id uuid not null,
      label text not null,
      amount_minor bigint not null check (amount_minor > 0),
      open_minor bigint not null check (open_minor >= 0),
      captured_minor bigint not null default 0,
      refunded_minor bigint not null default 0,
      primary key (payment_id, position),
      unique (payment_id, holder_id),
      constraint payment_part_never_takes_more check (open_minor + captured_minor <= amount_minor),
      constraint payment_part_never_refunds_more check (refunded_minor between 0 and captured_minor)
    );

    create table payment_movement (
      id uuid not null,
      kind text not null check (kind in ('CAPTURE', 'REFUND')),
      payment_id uuid not null references payment,
      seq bigint generated always as identity,
      state text not null check (state in ('PENDING', 'SUCCEEDED', 'FAILED')),
      amount_minor bigint not null check (amount_minor > 0),
      split bigint[] not null,
      to_store_credit boolean not null default false,
      reason text not null default '',
      failure_reason text not null default '',
      create_time timestamptz not null default now(),
      primary key (id, kind)
    );
    create index payment_movement_payment_id on payment_movement (payment_id, seq);
    insert into payment_movement (id, kind, payment_id, state, amount_minor, split, create_time)
      select id, 'CAPTURE', id, 'SUCCEEDED', amount_minor, array[amount_minor], update_time
        from payment where state = 'CAPTURED';
  `,
  down: `
    drop table payment_movement, payment_part;
    drop index payment_provider_charge_id, payment_expire_time, payment_create_time, payment_account_id;
    update payment set state = case
      when state in ('PARTIALLY_CAPTURED', 'PARTIALLY_REFUNDED', 'REFUNDED') then 'CAPTURED'
      when state in ('ACTION_REQUIRED', 'EXPIRED') then 'VOIDED'
      else state end;
    update payment set provider_charge_id = '' where provider_charge_id is null and state not in ('PENDING', 'VOIDED');
    alter table payment
      drop constraint payment_state_check,
      drop constraint payment_charge_known,
      drop constraint payment_never_takes_more,
      drop constraint payment_never_refunds_more,
      drop column provider, drop column account_id, drop column card_minor, drop column card_open_minor,
      drop column card_captured_minor, drop column card_refunded_minor, drop column captured_minor,
      drop column refunded_minor, drop column action_uri, drop column expire_time,
      add constraint payment_state_check check (state in ('PENDING', 'AUTHORIZED', 'CAPTURED', 'VOIDED', 'DECLINED')),
      add constraint payment_charge_known check (
        provider_charge_id is not null or state not in ('AUTHORIZED', 'CAPTURED', 'DECLINED')
      );
  `,
};
