import type { SchemaChange } from "#kit/data/migrations.ts";

/**
 * Keeps what a call costs the same however long the books are: sums are kept of what is long past, and accounts that not
 * every order touches have an index.
 */
export const largeBooks: SchemaChange = {
  name: "0009_large_books",
  up: `
    create index payment_state on payment (state, create_time, id);
    create index ledger_transfer_debit on ledger_transfer (debit_account, entry_id)
      where debit_account not in ('provider-authorized', 'authorizations', 'provider-clearing', 'sales');
    create index ledger_transfer_credit on ledger_transfer (credit_account, entry_id)
      where credit_account not in ('provider-authorized', 'authorizations', 'provider-clearing', 'sales');
    create index ledger_transfer_unowned on ledger_transfer (entry_id)
      where payment_id is null and holder_id is null;
    create table ledger_balance (
      before_id uuid not null,
      account text not null,
      currency text not null,
      minor bigint not null,
      primary key (before_id, account, currency)
    );
    create table books_check (
      part text primary key,
      checked_to uuid,
      differing uuid[] not null
    );
  `,
  down: `
    drop table ledger_balance, books_check;
    drop index ledger_transfer_unowned, ledger_transfer_debit, ledger_transfer_credit, payment_state;
  `,
};
