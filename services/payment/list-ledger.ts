import { sql } from "kysely";
import { decodePageToken, encodePageToken, UUID } from "#kit/data/page-token.ts";
import { plannedEachTime } from "#kit/data/planned-each-time.ts";
import { uuidBefore } from "#kit/data/uuid-before.ts";
import type { PaymentDatabase } from "./database.ts";

/** An entry of the books with its transfers. */
export interface StoredEntry {
  readonly id: string;
  readonly paymentId: string | null;
  readonly referenceId: string;
  readonly description: string;
  readonly createTime: Date;
  readonly transfers: readonly StoredTransfer[];
}

/** An amount that went from one account to another. */
export interface StoredTransfer {
  readonly debit_account: string;
  readonly credit_account: string;
  readonly amount_minor: bigint;
  readonly currency: string;
}

/** Which entries are listed. */
export interface EntryFilter {
  /** "" for all. */
  readonly accountCode: string;
  /** "" for all. */
  readonly paymentId: string;
  readonly startTime: Date | undefined;
  readonly endTime: Date | undefined;
  readonly pageSize: number;
  readonly pageToken: string;
}

/**
 * A page of entries, newest first. Their ids are in the order of time.
 *
 * @throws SoukError PAGE_TOKEN_INVALID
 */
export async function listEntries(
  db: PaymentDatabase,
  { accountCode, paymentId, startTime, endTime, pageSize, pageToken }: EntryFilter,
): Promise<{ entries: StoredEntry[]; nextPageToken: string }> {
  const list = JSON.stringify(["ListLedgerEntries", accountCode, paymentId, startTime, endTime]);
  const [before] = decodePageToken(list, pageToken, [UUID]);
  const ids = db.sql
    .selectFrom("ledger_transfer")
    .select("entry_id")
    .distinct()
    .$if(accountCode !== "", (it) =>
      it.where((or) =>
        or.or([or("debit_account", "=", accountCode), or("credit_account", "=", accountCode)]),
      ),
    )
    .$if(paymentId !== "", (it) => it.where("payment_id", "=", paymentId))
    .$if(startTime !== undefined, (it) =>
      it.where("entry_id", ">=", uuidBefore((startTime as Date).getTime())),
    )
    .$if(endTime !== undefined, (it) => it.where("entry_id", "<", uuidBefore((endTime as Date).getTime())))
    .$if(before !== undefined, (it) => it.where("entry_id", "<", before as string))
    .orderBy("entry_id", "desc")
    .limit(pageSize + 1);
  const rows = await db.sql
    .selectFrom("ledger_transfer")
    .modifyFront(plannedEachTime)
    .selectAll()
    .where("entry_id", "in", ids)
    .orderBy("entry_id", "desc")
    .orderBy("position")
    .execute();
  const byEntry = Map.groupBy(rows, ({ entry_id }) => entry_id);
  const entries = [...byEntry].slice(0, pageSize).map(([id, transfers]) => {
    const [first] = transfers as [(typeof rows)[number]];
    const { payment_id, reference_id: referenceId, description, create_time: createTime } = first;
    return { id, paymentId: payment_id, referenceId, description, createTime, transfers };
  });
  const last = entries.at(-1);
  const nextPageToken = byEntry.size > pageSize && last !== undefined ? encodePageToken(list, [last.id]) : "";
  return { entries, nextPageToken };
}

/** A change of the balance of a gift card or of store credit. */
export interface BalanceChange {
  readonly id: string;
  readonly minor: bigint;
  readonly currency: string;
  readonly paymentId: string | null;
  readonly description: string;
  readonly createTime: Date;
}

/**
 * The changes of a balance, newest first: they are read from the books, so they come to what is there.
 *
 * @param holderId the gift card, or the account of the customer
 * @param limit how many at most
 * @param before the change before which they were; the newest when left out
 */
export async function listBalanceChanges(
  db: PaymentDatabase,
  holderId: string,
  limit: number,
  before?: string,
): Promise<BalanceChange[]> {
  const { rows } = await sql<BalanceChange>`
    select entry_id as id, currency, payment_id as "paymentId", description, create_time as "createTime",
           case when credit_account in ('gift-cards', 'store-credit') then amount_minor else -amount_minor end as minor
      from ledger_transfer
     where holder_id = ${holderId} and (${before ?? null}::uuid is null or entry_id < ${before ?? null}::uuid)
     order by entry_id desc limit ${limit}`.execute(db.sql);
  return rows;
}
