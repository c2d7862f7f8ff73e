import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import type { StoreCreditService } from "#gen/souk/payment/v1/store_credit_pb.ts";
import { decodePageToken, encodePageToken, UUID } from "#kit/data/page-token.ts";
import { requireUser } from "#kit/principal.ts";
import type { Implementation } from "#kit/rpc/implement.ts";
import { listBalanceChanges } from "../list-ledger.ts";
import type { Payments } from "../payment.ts";
import { adjustStoreCredit, getStoreCredit } from "../store-credit.ts";
import { toBalanceEntry } from "./gift-card.ts";

const PAGE_SIZE = 20;
const LATEST = 100;

/** Serves souk.payment.v1.StoreCreditService. */
export function storeCreditRpc({ db }: Payments) {
  return {
    async getMyStoreCredit(_, call) {
      return { balances: await getStoreCredit(db, requireUser(call).id) };
    },

    async listMyStoreCreditEntries({ pageSize, pageToken }, call) {
      const { id } = requireUser(call);
      const list = `ListMyStoreCreditEntries ${id}`;
      const [before] = decodePageToken(list, pageToken, [UUID]);
      const size = pageSize || PAGE_SIZE;
      const changes = await listBalanceChanges(db, id, size + 1, before);
      const page = changes.slice(0, size);
      const last = page.at(-1);
      const nextPageToken =
        changes.length > size && last !== undefined ? encodePageToken(list, [last.id]) : "";
      return { entries: page.map(toBalanceEntry), nextPageToken };
    },

    async getStoreCredit({ accountId }) {
      const [balances, changes] = await Promise.all([
        getStoreCredit(db, accountId),
        listBalanceChanges(db, accountId, LATEST),
      ]);
      return { balances, entries: changes.map(toBalanceEntry) };
    },

    adjustStoreCredit: ({ accountId, amount, reason }, call) =>
      adjustStoreCredit(db, call, accountId, amount as Money, reason),
  } satisfies Implementation<typeof StoreCreditService>;
}
