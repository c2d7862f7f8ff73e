import { create } from "@bufbuild/protobuf";
import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import {
  type AdjustStoreCreditResponse,
  AdjustStoreCreditResponseSchema,
} from "#gen/souk/payment/v1/store_credit_pb.ts";
import type { UserDeleted } from "#gen/souk/user/v1/events_pb.ts";
import { money } from "#kit/money.ts";
import type { Scope } from "#kit/scope.ts";
import { changeStoreCredit, type Spending } from "./balances.ts";
import type { PaymentDatabase, PaymentTransaction } from "./database.ts";
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
    const balance = await adjust(tx, { holderId: accountId, minor, currency }, reason);
    return create(AdjustStoreCreditResponseSchema, { balance: money(balance, currency) });
  });
}

/**
 * Takes what is left of the store credit of a customer who was deleted and gave it up; else the shop goes on owing it.
 *
 * @param tx the transaction of the event
 */
export async function forfeitStoreCredit(
  { userId, forfeitsStoreCredit }: UserDeleted,
  tx: PaymentTransaction,
): Promise<void> {
  if (!forfeitsStoreCredit) return;
  const left = await tx.sql
    .selectFrom("store_credit")
    .select(["balance_minor", "currency"])
    .where("account_id", "=", userId)
    .where("balance_minor", ">", 0n)
    .orderBy("currency")
    .forUpdate()
    .execute();
  for (const { balance_minor, currency } of left) {
    const change = { holderId: userId, minor: -balance_minor, currency };
    await adjust(tx, change, "given up with the account");
  }
}

/** Changes store credit, and books it as what staff grants. */
async function adjust(tx: PaymentTransaction, change: Spending, description: string): Promise<bigint> {
  const { holderId, minor, currency } = change;
  const balance = await changeStoreCredit(tx, change);
  const given: Transfer = { debit: "store-credit-granted", credit: "store-credit", minor, holder: holderId };
  const taken: Transfer = { debit: given.credit, credit: given.debit, minor: -minor, holder: holderId };
  const transfers = [minor > 0n ? given : taken];
  book(tx, { referenceId: holderId, description, currency, transfers });
  return balance;
}
