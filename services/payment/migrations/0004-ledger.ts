import type { SchemaChange } from "#kit/data/migrations.ts";

/** Each row takes an amount from one account to another, so no sequence of them can be out of balance. */
export const ledger: SchemaChange = {
  name: "0004_ledger",
  up: `
    create table ledger_transfer (
      entry_id uuid not null,
      position smallint not null,
      payment_id uuid,
      reference_id uuid not null,
      description text not null,
      debit_account text not null,
      credit_account text not null,
      amount_minor bigint not null check (amount_minor > 0),
      currency text not null check (currency ~ '^[A-Z]{3}$'),
      holder_id uuid,
      create_time timestamptz not null default now(),
      primary key (entry_id, position),
      check (debit_account <> credit_account)
    );
    create index ledger_transfer_payment_id on ledger_transfer (payment_id, entry_id) where payment_id is not null;
    create index ledger_transfer_holder_id on ledger_transfer (holder_id, entry_id) where holder_id is not null;

    insert into ledger_transfer (entry_id, position, payment_id, reference_id, description, debit_account,
                                 credit_account, amount_minor, currency, create_time)
      select id, 1, id, id, 'carried forward', 'provider-authorized', 'authorizations', amount_minor, currency, update_time
        from payment where state = 'AUTHORIZED'
      union all
      select id, 1, id, id, 'carried forward', 'provider-clearing', 'sales', amount_minor, currency, update_time
        from payment where state = 'CAPTURED';

    create function refuse_ledger_change() returns trigger language plpgsql as $$
      begin
        raise exception 'the ledger is only added to; book the reverse instead' using errcode = 'restrict_violation';
      end $$;
    create trigger ledger_transfer_is_only_added_to before update or delete or truncate on ledger_transfer
      for each statement execute function refuse_ledger_change();
  `,
  down: `
    drop table ledger_transfer;
    drop function refuse_ledger_change;
  `,
};
