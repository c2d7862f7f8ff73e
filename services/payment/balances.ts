import { sql } from "kysely";
import { StoreCreditChangedSchema } from "#gen/souk/payment/v1/events_pb.ts";
import { money } from "#kit/money.ts";
import type { PaymentTransaction } from "./database.ts";
import { ErrorReason, refuse } from "./errors.ts";

/** Whose balance pays, and how much, in minor units. */
export interface Spending {
  readonly holderId: string;
  readonly minor: bigint;
  readonly currency: string;
}

/**
 * Takes money off a gift card: all of it or none.
 *
 * @param codeHash what is kept of its code
 * @returns the card
 * @throws SoukError GIFT_CARD_NOT_FOUND, or GIFT_CARD_UNUSABLE which says why
 */
export async function spendGiftCard(
  tx: PaymentTransaction,
  codeHash: Buffer,
  { minor, currency }: Omit<Spending, "holderId">,
): Promise<{ id: string; code_suffix: string }> {
  const spent = await tx.sql
    .updateTable("gift_card")
    .set((it) => ({ balance_minor: sql<bigint>`${it.ref("balance_minor")} - ${minor}` }))
    .where("code_hash", "=", codeHash)
    .where("currency", "=", currency)
    .where("balance_minor", ">=", minor)
    .where("disable_time", "is", null)
    .where((it) => it.or([it("expire_time", "is", null), it("expire_time", ">", sql<Date>`now()`)]))
    .returning(["id", "code_suffix"])
    .executeTakeFirst();
  return spent ?? (await refuseGiftCard(tx, codeHash, currency));
}

async function refuseGiftCard(tx: PaymentTransaction, codeHash: Buffer, currency: string): Promise<never> {
  const card = await tx.sql
    .selectFrom("gift_card")
    .selectAll()
    .where("code_hash", "=", codeHash)
    .executeTakeFirst();
  if (card === undefined) throw unknownGiftCard();
  const [state, why] =
    card.disable_time !== null
      ? ["DISABLED", "it is disabled"]
      : card.expire_time !== null && card.expire_time.getTime() <= Date.now()
        ? ["EXPIRED", "it has expired"]
        : card.currency !== currency
          ? ["OTHER_CURRENCY", `it is in ${card.currency}`]
          : [
              card.balance_minor === 0n ? "SPENT" : "TOO_LOW",
              `${card.balance_minor} ${currency} in minor units are left on it`,
            ];
  throw refuse(
    ErrorReason.GIFT_CARD_UNUSABLE,
    `the gift card ending in ${card.code_suffix} cannot pay this: ${why}`,
    {
      metadata: { gift_card_id: card.id, state, balance_minor: String(card.balance_minor) },
    },
  );
}

/** The refusal of a code that no gift card has. */
export function unknownGiftCard() {
  return refuse(ErrorReason.GIFT_CARD_NOT_FOUND, "there is no such gift card; look at the code again");
}

/** Puts money on a gift card again. */
export async function refillGiftCard(
  tx: PaymentTransaction,
  { holderId, minor }: Omit<Spending, "currency">,
): Promise<void> {
  await tx.sql
    .updateTable("gift_card")
    .set((it) => ({ balance_minor: sql<bigint>`${it.ref("balance_minor")} + ${minor}` }))
    .where("id", "=", holderId)
    .execute();
}

/**
 * Changes the store credit of a customer, and tells of it.
 *
 * @param change whose, and by how much: negative takes some away, all of it or none
 * @returns what is there then, in minor units
 * @throws SoukError STORE_CREDIT_TOO_LOW
 */
export async function changeStoreCredit(tx: PaymentTransaction, change: Spending): Promise<bigint> {
  const { holderId, minor, currency } = change;
  const balance = minor < 0n ? await takeStoreCredit(tx, change) : await addStoreCredit(tx, change);
  tx.emit(StoreCreditChangedSchema, {
    accountId: holderId,
    amount: money(minor, currency),
    balance: money(balance, currency),
  });
  return balance;
}

async function addStoreCredit(
  tx: PaymentTransaction,
  { holderId, minor, currency }: Spending,
): Promise<bigint> {
  const { balance_minor } = await tx.sql
    .insertInto("store_credit")
    .values({ account_id: holderId, currency, balance_minor: minor })
    .onConflict((conflict) =>
      conflict.columns(["account_id", "currency"]).doUpdateSet((it) => ({
        balance_minor: sql<bigint>`${it.ref("store_credit.balance_minor")} + ${minor}`,
      })),
    )
    .returning("balance_minor")
    .executeTakeFirstOrThrow();
  return balance_minor;
}

async function takeStoreCredit(
  tx: PaymentTransaction,
  { holderId, minor, currency }: Spending,
): Promise<bigint> {
  const left = await tx.sql
    .updateTable("store_credit")
    .set((it) => ({ balance_minor: sql<bigint>`${it.ref("balance_minor")} + ${minor}` }))
    .where("account_id", "=", holderId)
    .where("currency", "=", currency)
    .where("balance_minor", ">=", -minor)
    .returning("balance_minor")
    .executeTakeFirst();
  if (left !== undefined) return left.balance_minor;
  const found = await tx.sql
    .selectFrom("store_credit")
    .select("balance_minor")
    .where("account_id", "=", holderId)
    .where("currency", "=", currency)
    .executeTakeFirst();
  const balance = found?.balance_minor ?? 0n;
  throw refuse(
    ErrorReason.STORE_CREDIT_TOO_LOW,
    `the customer has ${balance} ${currency} of store credit in minor units, not ${-minor}`,
    { metadata: { balance_minor: String(balance), currency } },
  );
}
