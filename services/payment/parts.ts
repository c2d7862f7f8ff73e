import type { Selectable } from "kysely";
import type { Tables } from "#kit/data/tables.ts";
import { HOLDINGS } from "./accounts.ts";
import { changeStoreCredit, refillGiftCard, spendGiftCard } from "./balances.ts";
import type { PaymentDatabase, PaymentTransaction } from "./database.ts";
import type { entities } from "./entities.ts";
import { ErrorReason, refuse } from "./errors.ts";
import type { GiftCodes } from "./gift-codes.ts";
import type { Transfer } from "./ledger.ts";
import { meansOf, type StoredPayment } from "./payment.ts";

/** What pays beside the card. */
export type Means =
  | { readonly kind: "GIFT_CARD"; readonly code: string; readonly minor: bigint }
  | { readonly kind: "STORE_CREDIT"; readonly minor: bigint };

/** A gift card or store credit that pays a payment, as it is stored. */
export type StoredPart = Selectable<Tables<typeof entities>["payment_part"]>;

/** The parts of payments beside their cards, by position. */
export async function listParts(
  sqlOf: PaymentDatabase["sql"],
  payments: readonly StoredPayment[],
): Promise<StoredPart[]> {
  const ids = payments.filter((payment) => meansOf(payment) > 0n).map(({ id }) => id);
  if (ids.length === 0) return [];
  return sqlOf
    .selectFrom("payment_part")
    .selectAll()
    .where("payment_id", "in", ids)
    .orderBy("payment_id")
    .orderBy("position")
    .execute();
}

/**
 * Sets money aside from gift cards and store credit.
 *
 * @param payment the payment, which is stored already
 * @param means what pays, in that order
 * @returns what it does to the books
 * @throws SoukError GIFT_CARD_NOT_FOUND, GIFT_CARD_UNUSABLE, STORE_CREDIT_TOO_LOW, CUSTOMER_MISSING
 */
export async function holdMeans(
  tx: PaymentTransaction,
  giftCodes: GiftCodes,
  payment: { readonly id: string; readonly accountId: string | undefined; readonly currency: string },
  means: readonly Means[],
): Promise<Transfer[]> {
  const transfers: Transfer[] = [];
  for (const [index, each] of means.entries()) {
    const holder = await spend(tx, giftCodes, payment, each);
    const { kind, minor } = each;
    await tx.sql
      .insertInto("payment_part")
      .values({
        payment_id: payment.id,
        position: index + 1,
        kind,
        holder_id: holder.id,
        label: holder.label,
        amount_minor: minor,
        open_minor: minor,
        captured_minor: 0n,
        refunded_minor: 0n,
      })
      .execute();
    const { free, held } = HOLDINGS[kind];
    transfers.push({ debit: free, credit: held, minor, holder: holder.id });
  }
  return transfers;
}

async function spend(
  tx: PaymentTransaction,
  giftCodes: GiftCodes,
  { accountId, currency }: { readonly accountId: string | undefined; readonly currency: string },
  means: Means,
): Promise<{ id: string; label: string }> {
  if (means.kind === "GIFT_CARD") {
    const card = await spendGiftCard(tx, giftCodes.hashOf(means.code), { minor: means.minor, currency });
    return { id: card.id, label: `Gift card ending in ${card.code_suffix}` };
  }
  if (accountId === undefined) throw customerMissing();
  await changeStoreCredit(tx, { holderId: accountId, minor: -means.minor, currency });
  return { id: accountId, label: "Store credit" };
}

/** The refusal of store credit for somebody who has no account. */
export function customerMissing() {
  return refuse(
    ErrorReason.CUSTOMER_MISSING,
    "the payment is of a guest, who has no store credit; name the account of the customer or use other means",
  );
}

/**
 * Gives back what is still set aside from gift cards and store credit.
 *
 * @param payment the payment, locked
 * @returns what it does to the books
 */
export async function releaseParts(tx: PaymentTransaction, payment: StoredPayment): Promise<Transfer[]> {
  const open = (await listParts(tx.sql, [payment])).filter(({ open_minor }) => open_minor > 0n);
  for (const part of open) {
    await updatePart(tx, part, { open_minor: 0n });
    await giveToHolder(tx, part, part.open_minor, payment.currency as string);
  }
  return open.map(({ kind, open_minor: minor, holder_id: holder }) => {
    const { free, held } = HOLDINGS[kind];
    return { debit: held, credit: free, minor, holder };
  });
}

/**
 * Takes what is set aside from gift cards and store credit.
 *
 * @param split how much of which part, by position
 * @returns what it does to the books
 */
export async function takeParts(
  tx: PaymentTransaction,
  payment: StoredPayment,
  split: readonly bigint[],
): Promise<Transfer[]> {
  const transfers: Transfer[] = [];
  for (const part of await listParts(tx.sql, [payment])) {
    const minor = split[part.position] ?? 0n;
    if (minor === 0n) continue;
    await updatePart(tx, part, {
      open_minor: part.open_minor - minor,
      captured_minor: part.captured_minor + minor,
    });
    transfers.push({ debit: HOLDINGS[part.kind].held, credit: "sales", minor });
  }
  return transfers;
}

/**
 * Gives what was taken from gift cards and store credit back, to them or to nobody: then it becomes store credit
 * elsewhere.
 *
 * @param split how much of which part, by position
 * @param toHolders whether their balances get it
 * @returns what it does to the books; nothing where nobody gets it
 */
export async function refundParts(
  tx: PaymentTransaction,
  payment: StoredPayment,
  split: readonly bigint[],
  toHolders: boolean,
): Promise<Transfer[]> {
  const transfers: Transfer[] = [];
  for (const part of await listParts(tx.sql, [payment])) {
    const minor = split[part.position] ?? 0n;
    if (minor === 0n) continue;
    await updatePart(tx, part, { refunded_minor: part.refunded_minor + minor });
    if (!toHolders) continue;
    await giveToHolder(tx, part, minor, payment.currency as string);
    const { free } = HOLDINGS[part.kind];
    transfers.push({ debit: "sales-refunded", credit: free, minor, holder: part.holder_id });
  }
  return transfers;
}

async function updatePart(
  tx: PaymentTransaction,
  { payment_id, position }: StoredPart,
  change: Partial<Pick<StoredPart, "open_minor" | "captured_minor" | "refunded_minor">>,
): Promise<void> {
  await tx.sql
    .updateTable("payment_part")
    .set(change)
    .where("payment_id", "=", payment_id)
    .where("position", "=", position)
    .execute();
}

async function giveToHolder(
  tx: PaymentTransaction,
  { kind, holder_id: holderId }: StoredPart,
  minor: bigint,
  currency: string,
): Promise<void> {
  if (kind === "GIFT_CARD") await refillGiftCard(tx, { holderId, minor });
  else await changeStoreCredit(tx, { holderId, minor, currency });
}
