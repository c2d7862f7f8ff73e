import { type RawBuilder, sql } from "kysely";
import { uuidBefore } from "#kit/data/uuid-before.ts";
import type { Scope } from "#kit/scope.ts";
import type { AccountCode } from "./accounts.ts";
import type { PaymentDatabase } from "./database.ts";

/** What stands on an account in a currency: debits positive, credits negative. */
export interface AccountBalance {
  readonly code: AccountCode;
  readonly currency: string;
  readonly minor: bigint;
}

/** Sums are kept each time so many rows have been added to the books: that many are added up to answer at most. */
const ROWS = 5_000;
/** Whatever is booked is there within this time, in ms. */
const SETTLED_MS = 600_000;

/**
 * What stands on each account, by code and currency; together nothing in each currency. Of what is long past the sums
 * are kept, so that this takes no longer while the books grow.
 *
 * @param at the moment; now when left out
 */
export async function listAccounts(db: PaymentDatabase, at?: Date): Promise<AccountBalance[]> {
  // Ids are made in the order of time.
  const end = at === undefined ? LAST_ID : uuidBefore(at.getTime() + 1);
  const { rows } = await sql<AccountBalance>`
    select account as code, currency, minor from (${balancesBefore(end)}) as balance order by code, currency
  `.execute(db.sql);
  return rows;
}

/**
 * The balances of the accounts before an entry, in one moment: columns account, currency and minor.
 *
 * @param end the id of the entry
 */
function balancesBefore(end: string): RawBuilder<unknown> {
  return sql`
    with kept as (
      select before_id from ledger_balance where before_id <= ${end}::uuid order by before_id desc limit 1
    ), added as (
      select debit_account, credit_account, currency, amount_minor from ledger_transfer
      where entry_id >= coalesce((select before_id from kept), ${FIRST_ID}::uuid) and entry_id < ${end}::uuid
    )
    select account, currency, sum(minor)::bigint as minor from (
      select account, currency, minor from ledger_balance where before_id = (select before_id from kept)
      union all select debit_account, currency, amount_minor from added
      union all select credit_account, currency, -amount_minor from added
    ) as side group by account, currency`;
}

/** No id comes before it. */
export const FIRST_ID = "00000000-0000-0000-0000-000000000000";
const LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff";

/** Keeps the sums of what was added to the books and can no longer change. */
export async function keepBalances(db: PaymentDatabase, scope: Scope): Promise<void> {
  for (;;) {
    scope.signal.throwIfAborted();
    const { rows } = await sql<{ id: string }>`
      select entry_id as id from ledger_transfer
      where entry_id >= coalesce((select before_id from ledger_balance order by before_id desc limit 1), ${FIRST_ID}::uuid)
        and entry_id < ${uuidBefore(Date.now() - SETTLED_MS)}::uuid
      order by entry_id offset ${ROWS} limit 1`.execute(db.sql);
    const [next] = rows;
    if (next === undefined) return;
    await sql`
      insert into ledger_balance (before_id, account, currency, minor)
      select ${next.id}::uuid, account, currency, minor from (${balancesBefore(next.id)}) as balance
      on conflict do nothing`.execute(db.sql);
  }
}
