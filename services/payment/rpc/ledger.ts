import { timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { LedgerAccountKind, type LedgerService } from "#gen/souk/payment/v1/ledger_pb.ts";
import { money } from "#kit/money.ts";
import type { Implementation } from "#kit/rpc/implement.ts";
import { ACCOUNTS } from "../accounts.ts";
import { listAccounts } from "../ledger-balances.ts";
import { listEntries, type StoredEntry } from "../list-ledger.ts";
import type { Payments } from "../payment.ts";

const PAGE_SIZE = 20;

/** Serves souk.payment.v1.LedgerService. */
export function ledgerRpc({ db }: Payments) {
  return {
    async listLedgerAccounts({ atTime }) {
      const balances = await listAccounts(db, atTime && timestampDate(atTime));
      return {
        accounts: balances.map(({ code, currency, minor }) => ({
          code,
          displayName: ACCOUNTS[code].displayName,
          kind: LedgerAccountKind[ACCOUNTS[code].kind],
          balance: money(minor, currency),
        })),
      };
    },

    async listLedgerEntries({ accountCode, paymentId, startTime, endTime, pageSize, pageToken }) {
      const { entries, nextPageToken } = await listEntries(db, {
        accountCode,
        paymentId,
        startTime: startTime && timestampDate(startTime),
        endTime: endTime && timestampDate(endTime),
        pageSize: pageSize || PAGE_SIZE,
        pageToken,
      });
      return { entries: entries.map(toEntry), nextPageToken };
    },
  } satisfies Implementation<typeof LedgerService>;
}

function toEntry({ id, paymentId, referenceId, description, transfers, createTime }: StoredEntry) {
  return {
    id,
    paymentId: paymentId ?? "",
    referenceId,
    description,
    postings: transfers.flatMap(({ debit_account, credit_account, amount_minor, currency }) => [
      { accountCode: debit_account, amount: money(amount_minor, currency) },
      { accountCode: credit_account, amount: money(-amount_minor, currency) },
    ]),
    createTime: timestampFromDate(createTime),
  };
}
