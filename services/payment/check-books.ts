import { sql } from "kysely";
import type { PaymentDatabase } from "./database.ts";

/** An account whose balance is not what the payments, gift cards and store credit come to. */
export interface Imbalance {
  readonly account: string;
  readonly currency: string;
  /** What the books say, in minor units: debits positive. */
  readonly booked: bigint;
  /** What it should be. */
  readonly expected: bigint;
}

/**
 * Compares the books with what they tell of. That debits equal credits needs no check, for each row of the ledger is
 * both; this finds a change that was not booked, or was booked wrongly. It is one statement, so it sees one moment.
 *
 * @returns what does not agree; nothing when all is well
 */
export async function findImbalances(db: PaymentDatabase): Promise<Imbalance[]> {
  const { rows } = await sql<Imbalance>`
    with booked as (
      select account, currency, sum(minor)::bigint as minor from (
        select debit_account as account, currency, amount_minor as minor from ledger_transfer
        union all select credit_account, currency, -amount_minor from ledger_transfer
      ) as side group by 1, 2
    ), refund as (
      select currency, m.state, m.split[1] as card, m.amount_minor, m.to_store_credit
        from payment_movement as m join payment on payment.id = m.payment_id where m.kind = 'REFUND'
    ), part as (
      select currency, kind, open_minor from payment_part join payment on payment.id = payment_id
    ), expected as (
      select 'provider-authorized' as account, currency, card_open_minor as minor from payment
      union all select 'authorizations', currency, -card_open_minor from payment
      union all select 'provider-clearing', currency, card_captured_minor from payment
      union all select 'provider-clearing', currency, -card from refund
        where state = 'SUCCEEDED' and not to_store_credit
      union all select 'refunds-pending', currency, -card from refund where state = 'PENDING' and not to_store_credit
      union all select 'sales', currency, -captured_minor from payment
      union all select 'sales-refunded', currency, refunded_minor from payment
      union all select 'sales-refunded', currency, card from refund where state = 'PENDING' and not to_store_credit
      union all select 'gift-cards', currency, -balance_minor from gift_card
      union all select 'gift-cards-issued', currency, amount_minor from gift_card
      union all select 'gift-cards-held', currency, -open_minor from part where kind = 'GIFT_CARD'
      union all select 'store-credit', currency, -balance_minor from store_credit
      union all select 'store-credit-held', currency, -open_minor from part where kind = 'STORE_CREDIT'
    ), total as (
      select account, currency, sum(minor)::bigint as minor from expected where currency is not null group by 1, 2
    )
    select account, currency, coalesce(booked.minor, 0) as booked, coalesce(total.minor, 0) as expected
      from booked full join total using (account, currency)
     where account <> 'store-credit-granted' and coalesce(booked.minor, 0) <> coalesce(total.minor, 0)
     order by 1, 2`.execute(db.sql);
  return rows;
}

/**
 * Checks that the books balance.
 *
 * @throws Error that names each account that does not
 */
export async function checkBooks(db: PaymentDatabase): Promise<void> {
  const found = await findImbalances(db);
  if (found.length === 0) return;
  const each = found.map(
    ({ account, currency, booked, expected }) =>
      `${account} has ${booked} instead of ${expected} ${currency}`,
  );
  throw new Error(`the books do not balance: ${each.join("; ")}, in minor units`);
}
