import { create } from "@bufbuild/protobuf";
import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import {
  type AdjustStoreCreditResponse,
  AdjustStoreCreditResponseSchema,
} from "#gen/souk/payment/v1/store_credit_pb.ts";
import { money } from "#kit/money.ts";
import type { Scope } from "#kit/scope.ts";
import { changeStoreCredit } from "./balances.ts";
import type { PaymentDatabase } from "./database.ts";
import { book, type Transfer } from "./ledger.ts";

/** What a customer has, one amount a currency. */
export async function getStoreCredit(db: PaymentDatabase, accountId: string): Promise<Money[]> {
  const rows = await db.sql
    .selectFrom("store_credit")
    .selectAll()
    .where("account_id", "=", accountId)
    .orderBy("currency")
    .execute();
  return rows.map(({ balance_minor, currency }) => money(balance_minor, currency));
}

/**
 * Gives a customer store credit, or takes some away; never more than is there.
 *
 * @param amount by how much, never 0: negative takes some away
 * @param reason why, for the books and the customer
 * @throws SoukError STORE_CREDIT_TOO_LOW
 */
export function adjustStoreCredit(
  db: PaymentDatabase,
  scope: Scope,
  accountId: string,
  { minor, currency }: Money,
  reason: string,
): Promise<AdjustStoreCreditResponse> {
  return db.write(scope, async (tx) => {
    const balance = await changeStoreCredit(tx, { holderId: accountId, minor, currency });
    const given: Transfer = {
      debit: "store-credit-granted",
      credit: "store-credit",
      minor,
      holder: accountId,
    };
    const taken: Transfer = { debit: given.credit, credit: given.debit, minor: -minor, holder: accountId };
    book(tx, {
      referenceId: accountId,
      description: reason,
      currency,
      transfers: [minor > 0n ? given : taken],
    });
    return create(AdjustStoreCreditResponseSchema, { balance: money(balance, currency) });
  });
}
