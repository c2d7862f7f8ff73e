import { sql } from "kysely";
import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import { MeshReason, refuseMesh } from "#kit/error.ts";
import { type Scope, toTheEnd } from "#kit/scope.ts";
import { fromNow, recordAuthorization, recordCharge, refuseDeclined } from "./change-state.ts";
import type { PaymentTransaction } from "./database.ts";
import { ErrorReason, refuse } from "./errors.ts";
import { book } from "./ledger.ts";
import { holdMeans, listParts, type Means } from "./parts.ts";
import {
  amountOf,
  declined,
  getPayment,
  meansOf,
  type Payments,
  type StoredPayment,
  stateConflict,
  unrecorded,
} from "./payment.ts";

/** What is asked for. */
export interface Authorization {
  /** The id that the payment shall have. */
  readonly id: string;
  readonly amount: Money;
  /**
   * The token of the card. It goes to the provider and nowhere else: a repetition brings it again,
   * and what repairs payments in the background needs none, since it only asks the provider by key.
   */
  readonly token: string;
  /** The customer; undefined for a guest. */
  readonly accountId?: string | undefined;
  /** Where the customer comes back to after confirming; without it, what has to be confirmed is declined. */
  readonly returnUri?: string | undefined;
  /** What pays before the card does, in that order. */
  readonly means?: readonly Means[];
}

/**
 * Sets the money of a payment aside, once: the intent is stored before the provider is asked, under
 * the payment's id as idempotency key, and the provider's answer after. Whoever comes again, after
 * a crash or beside another, gets the answer of the one charge.
 *
 * @returns the payment: authorized, or ACTION_REQUIRED while its customer has to confirm it
 * @throws SoukError PAYMENT_DECLINED, PAYMENT_MISMATCH, PAYMENT_STATE_CONFLICT when it was given up,
 *   PROVIDER_UNAVAILABLE when the answer is not known: then it stays PENDING; and for other means than the card
 *   GIFT_CARD_NOT_FOUND, GIFT_CARD_UNUSABLE, STORE_CREDIT_TOO_LOW or CUSTOMER_MISSING
 */
export async function authorizePayment(
  payments: Payments,
  call: Scope,
  authorization: Authorization,
): Promise<StoredPayment> {
  const scope = toTheEnd(call);
  const { id, amount, token, returnUri } = authorization;
  const cardMinor = cardShare(authorization);
  const payment = await storeIntent(payments, scope, authorization, cardMinor);
  await requireSame(payments, payment, authorization, cardMinor);
  if (payment.state !== "PENDING") return answerOf(payment);
  if (cardMinor === 0n) return answerOf(await recordAuthorization(payments, scope, payment, undefined));

  const card = { minor: cardMinor, currency: amount.currency } as Money;
  const charge = await payments.ask(scope, (provider, signal) =>
    provider.authorize({ idempotencyKey: id, amount: card, token, returnUri }, signal),
  );
  const record = charge.status === "declined" ? refuseDeclined : recordCharge;
  const recorded = await record(payments, scope, payment, charge);
  if (isGivenUp(recorded) && isOpen(charge.status)) await giveBack(payments, scope, charge.id as string);
  return answerOf(recorded);
}

function cardShare({ amount, token, means = [] }: Authorization): bigint {
  const others = means.reduce((sum, { minor }) => sum + minor, 0n);
  if (others > amount.minor) {
    throw invalid("means", `come to ${others} in minor units, which is more than the amount`);
  }
  if (others < amount.minor && token === "") {
    throw invalid("token", `is missing; something has to pay the ${amount.minor - others} that are left`);
  }
  return amount.minor - others;
}

function invalid(field: string, description: string) {
  return refuseMesh(MeshReason.INVALID_REQUEST, `${field}: ${description}`, {
    violations: [{ field, description }],
  });
}

/** A payment that is still PENDING is about to be asked for once more, so its charge is looked for anew, too. */
async function storeIntent(
  payments: Payments,
  scope: Scope,
  authorization: Authorization,
  cardMinor: bigint,
): Promise<StoredPayment> {
  const { db } = payments;
  const { id, means = [] } = authorization;
  const stored =
    means.length === 0
      ? await insertIntent(payments, db.sql, authorization, cardMinor)
      : await db.write(unrecorded(scope), async (tx) => {
          const made = await insertIntent(payments, tx.sql, authorization, cardMinor);
          if (made !== undefined && (await listParts(tx.sql, [made])).length === 0) {
            await setAside(payments, tx, authorization, means);
          }
          return made;
        });
  return stored ?? (await getPayment(db, id));
}

function insertIntent(
  { provider, reconcileAfterMs }: Payments,
  sqlOf: PaymentTransaction["sql"],
  { id, amount, accountId }: Authorization,
  cardMinor: bigint,
): Promise<StoredPayment | undefined> {
  return sqlOf
    .insertInto("payment")
    .values({
      id,
      state: "PENDING",
      provider: provider.name,
      account_id: accountId ?? null,
      amount_minor: amount.minor,
      currency: amount.currency,
      card_minor: cardMinor,
      reconcile_time: fromNow(reconcileAfterMs),
    })
    .onConflict((conflict) =>
      conflict
        .column("id")
        .doUpdateSet((it) => ({
          update_time: sql<Date>`now()`,
          reconcile_time: it.ref("excluded.reconcile_time"),
        }))
        .where("payment.state", "=", "PENDING")
        .whereRef("payment.amount_minor", "=", "excluded.amount_minor")
        .whereRef("payment.currency", "=", "excluded.currency")
        .whereRef("payment.card_minor", "=", "excluded.card_minor"),
    )
    .returningAll()
    .executeTakeFirst();
}

async function setAside(
  { giftCodes }: Payments,
  tx: PaymentTransaction,
  { id, amount, accountId }: Authorization,
  means: readonly Means[],
): Promise<void> {
  const { currency } = amount;
  const transfers = await holdMeans(tx, giftCodes, { id, accountId, currency }, means);
  book(tx, { paymentId: id, referenceId: id, description: "set aside", currency, transfers });
}

async function requireSame(
  { db, giftCodes }: Payments,
  payment: StoredPayment,
  { amount, means = [] }: Authorization,
  cardMinor: bigint,
): Promise<void> {
  const { id } = payment;
  const before = amountOf(payment);
  if (before === undefined) return;
  if (before.minor !== amount.minor || before.currency !== amount.currency) {
    throw mismatch(
      id,
      `is about ${before.minor} ${before.currency} in minor units, not ${amount.minor} ${amount.currency}; use a new id for another amount`,
    );
  }
  if (payment.card_minor === cardMinor && means.length === 0) return;
  const parts = meansOf(payment) > 0n ? await listParts(db.sql, [payment]) : [];
  const isSame =
    parts.length === means.length &&
    parts.every((part, index) => {
      const wanted = means[index] as Means;
      const isHolder = wanted.kind === "STORE_CREDIT" || part.label.endsWith(giftCodes.suffixOf(wanted.code));
      return part.kind === wanted.kind && part.amount_minor === wanted.minor && isHolder;
    });
  if (!isSame) throw mismatch(id, "is paid with other means; use a new id for others");
}

function mismatch(id: string, how: string) {
  return refuse(ErrorReason.PAYMENT_MISMATCH, `payment ${id} ${how}`, { metadata: { payment_id: id } });
}

function isGivenUp({ state }: StoredPayment): boolean {
  return state === "VOIDED" || state === "EXPIRED";
}

function isOpen(status: string): boolean {
  return status === "authorized" || status === "action_required";
}

/** The payment was given up while the provider worked. Where this fails, reconcilePayments does it. */
async function giveBack({ ask }: Payments, scope: Scope, chargeId: string): Promise<void> {
  await ask(scope, (provider, signal) => provider.void(chargeId, signal)).catch((error: unknown) => {
    scope.log.warn({ chargeId, err: error }, "the charge of a void payment is not given back yet");
  });
}

function answerOf(payment: StoredPayment): StoredPayment {
  switch (payment.state) {
    case "AUTHORIZED":
    case "ACTION_REQUIRED":
    case "PARTIALLY_CAPTURED":
    case "CAPTURED":
    case "PARTIALLY_REFUNDED":
    case "REFUNDED":
      return payment;
    case "DECLINED":
      throw declined(payment);
    case "VOIDED":
    case "EXPIRED":
      throw stateConflict(payment, "authorized");
    case "PENDING":
      throw new Error(`payment ${payment.id} is still PENDING although the provider answered`);
  }
}
