import { type RawBuilder, sql } from "kysely";
import type { Scope } from "#kit/scope.ts";
import type { PaymentDatabase } from "./database.ts";
import { FIRST_ID } from "./ledger-balances.ts";

/** What the books say of a payment, gift card or customer that is not what it comes to. */
interface Imbalance {
  /** The payment, the gift card, or the account of the customer. */
  readonly id: string;
  readonly account: string;
  readonly currency: string;
  /** What the books say, in minor units: debits positive. */
  readonly booked: bigint;
  /** What it should be. */
  readonly expected: bigint;
}

/** What the books tell of, each with an id by which it is walked through. */
interface Part {
  readonly name: string;
  readonly table: string;
  readonly id: string;
  /** The column of the books that names it, and the accounts that must agree. */
  readonly column: string;
  readonly accounts: readonly string[];
  /** What should be booked of some of them: columns id, account, currency and minor. */
  expected(ids: readonly string[]): RawBuilder<unknown>;
}

const PARTS: readonly Part[] = [
  {
    name: "payments",
    table: "payment",
    id: "id",
    column: "payment_id",
    accounts: [
      ...["provider-authorized", "authorizations", "provider-clearing", "refunds-pending", "sales"],
      ...["sales-refunded", "gift-cards-held", "store-credit-held"],
    ],
    expected: (ids) => sql`
      select id, account, currency, minor from payment cross join lateral (values
        ('provider-authorized', card_open_minor), ('authorizations', -card_open_minor),
        ('provider-clearing', card_captured_minor), ('sales', -captured_minor), ('sales-refunded', refunded_minor)
      ) as own (account, minor) where id = any (${ids}::uuid[]) and currency is not null
      union all
      select payment.id, account, currency, minor from payment_movement as m join payment on payment.id = m.payment_id
        cross join lateral (values
          ('provider-clearing', case m.state when 'SUCCEEDED' then -split[1] else 0 end),
          ('refunds-pending', case m.state when 'PENDING' then -split[1] else 0 end),
          ('sales-refunded', case m.state when 'PENDING' then split[1] else 0 end)
        ) as own (account, minor)
        where m.payment_id = any (${ids}::uuid[]) and kind = 'REFUND' and not to_store_credit
      union all
      select payment.id, case kind when 'GIFT_CARD' then 'gift-cards-held' else 'store-credit-held' end, currency,
          -open_minor
        from payment_part join payment on payment.id = payment_id where payment_id = any (${ids}::uuid[])`,
  },
  {
    name: "gift-cards",
    table: "gift_card",
    id: "id",
    column: "holder_id",
    accounts: ["gift-cards", "gift-cards-issued"],
    expected: (ids) => sql`
      select id, account, currency, minor from gift_card cross join lateral (values
        ('gift-cards', -balance_minor), ('gift-cards-issued', amount_minor)
      ) as own (account, minor) where id = any (${ids}::uuid[])`,
  },
  {
    name: "store-credit",
    table: "store_credit",
    id: "account_id",
    column: "holder_id",
    accounts: ["store-credit"],
    expected: (ids) => sql`
      select account_id as id, 'store-credit' as account, currency, -balance_minor as minor
      from store_credit where account_id = any (${ids}::uuid[])`,
  },
];

/** How many of a part one statement checks, which each sees as of one moment. */
const BATCH = 1_000;
/** How many of each part one run checks, beside what did not agree before: larger books take several runs. */
const MOST_CHECKED = 50_000;
/** How much of what does not agree is looked at again in each run, and told. */
const MOST_DIFFERING = 100;

/**
 * Checks all of the books.
 *
 * @throws Error that names what does not agree
 */
export async function checkBooks(db: PaymentDatabase): Promise<void> {
  const found: Imbalance[] = [];
  for (const part of PARTS) {
    const walked = await checkFrom(db, part, null, Number.POSITIVE_INFINITY);
    found.push(...walked.found);
  }
  refuse([...found, ...(await findUnowned(db))]);
}

/**
 * Compares the books with what they tell of, payment by payment, and goes on where it stopped the last time. That
 * debits equal credits needs no check, for each row of the ledger is both; this finds a change that was not booked, or
 * was booked wrongly.
 *
 * @throws Error that names what does not agree
 */
export async function checkSomeBooks(db: PaymentDatabase, scope: Scope): Promise<void> {
  const found: Imbalance[] = [];
  for (const part of PARTS) {
    const { rows } = await sql<{ checked_to: string | null; differing: string[] }>`
      select checked_to, differing::text[] from books_check where part = ${part.name}`.execute(db.sql);
    const { checked_to = null, differing = [] } = rows[0] ?? {};
    const walked = await checkFrom(db, part, checked_to, MOST_CHECKED, scope);
    const isNew = new Set(walked.found.map(({ id }) => id));
    const before = await compare(
      db,
      part,
      differing.filter((id) => !isNew.has(id)),
    );
    const own = [...before, ...walked.found];
    const ids = [...new Set(own.map(({ id }) => id))].slice(0, MOST_DIFFERING);
    await sql`
      insert into books_check (part, checked_to, differing) values (${part.name}, ${walked.last}::uuid, ${ids}::uuid[])
      on conflict (part) do update set checked_to = excluded.checked_to, differing = excluded.differing
    `.execute(db.sql);
    found.push(...own);
  }
  refuse([...found, ...(await findUnowned(db))]);
}

/** Entries that are about no payment and no holder, so that no part above would find them. */
async function findUnowned(db: PaymentDatabase): Promise<Imbalance[]> {
  const { rows } = await sql<Imbalance>`
    select entry_id as id, debit_account as account, currency, amount_minor as booked, 0::bigint as expected
    from ledger_transfer where payment_id is null and holder_id is null
    order by entry_id limit ${MOST_DIFFERING}`.execute(db.sql);
  return rows;
}

/** @returns what does not agree, and the last that was checked; null where no more follow */
async function checkFrom(
  db: PaymentDatabase,
  part: Part,
  after: string | null,
  most: number,
  scope?: Scope,
): Promise<{ found: Imbalance[]; last: string | null }> {
  const found: Imbalance[] = [];
  const id = sql.ref(part.id);
  let last = after;
  for (let checked = 0; checked < most; checked += BATCH) {
    scope?.signal.throwIfAborted();
    const { rows } = await sql<{ id: string }>`
      select distinct ${id} as id from ${sql.table(part.table)}
      where ${id} > ${last ?? FIRST_ID}::uuid order by id limit ${BATCH}`.execute(db.sql);
    const ids = rows.map((row) => row.id);
    found.push(...(await compare(db, part, ids)));
    if (ids.length < BATCH) return { found, last: null };
    last = ids.at(-1) as string;
  }
  return { found, last };
}

async function compare(db: PaymentDatabase, part: Part, ids: readonly string[]): Promise<Imbalance[]> {
  if (ids.length === 0) return [];
  const column = sql.ref(part.column);
  const { rows } = await sql<Imbalance>`
    with transfer as (
      select ${column} as id, debit_account, credit_account, currency, amount_minor
      from ledger_transfer where ${column} = any (${ids}::uuid[])
    ), booked as (
      select id, account, currency, sum(minor)::bigint as minor from (
        select id, debit_account as account, currency, amount_minor as minor from transfer
        union all select id, credit_account, currency, -amount_minor from transfer
      ) as side where account = any (${part.accounts}) group by id, account, currency
    ), total as (
      select id, account, currency, sum(minor)::bigint as minor from (${part.expected(ids)}) as expected
      group by id, account, currency
    )
    select id, account, currency, coalesce(booked.minor, 0)::bigint as booked, coalesce(total.minor, 0)::bigint as expected
    from booked full join total using (id, account, currency)
    where coalesce(booked.minor, 0) <> coalesce(total.minor, 0)
    order by id, account, currency`.execute(db.sql);
  return rows;
}

function refuse(found: readonly Imbalance[]): void {
  if (found.length === 0) return;
  const each = found
    .slice(0, MOST_DIFFERING)
    .map(
      ({ id, account, currency, booked, expected }) =>
        `${account} has ${booked} instead of ${expected} ${currency} for ${id}`,
    );
  throw new Error(`the books do not balance: ${each.join("; ")}, in minor units`);
}
