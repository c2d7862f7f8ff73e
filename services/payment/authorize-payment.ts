import { sql } from "kysely";
import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import type { Scope } from "#kit/scope.ts";
import { fromNow, recordCharge } from "./change-state.ts";
import { ErrorReason, refuse } from "./errors.ts";
import { amountOf, getPayment, type Payments, type StoredPayment, stateConflict } from "./payment.ts";

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
}

/**
 * Sets the money of a payment aside, once: the intent is stored before the provider is asked, under
 * the payment's id as idempotency key, and the provider's answer after. Whoever comes again, after
 * a crash or beside another, gets the answer of the one charge.
 *
 * @returns the payment, authorized or already captured
 * @throws SoukError PAYMENT_DECLINED, PAYMENT_MISMATCH, PAYMENT_STATE_CONFLICT when it was given up,
 *   PROVIDER_UNAVAILABLE when the answer is not known: then it stays PENDING
 */
export async function authorizePayment(
  payments: Payments,
  scope: Scope,
  { id, amount, token }: Authorization,
): Promise<StoredPayment> {
  const payment = await storeIntent(payments, id, amount);
  requireSameAmount(payment, amount);
  if (payment.state !== "PENDING") return answerOf(payment);

  const charge = await payments.ask(scope, (provider, signal) =>
    provider.authorize({ idempotencyKey: id, amount, token }, signal),
  );
  const recorded = await recordCharge(payments, scope, payment, charge);
  if (recorded.state === "VOIDED" && charge.status === "authorized") {
    await giveBack(payments, scope, charge.id);
  }
  return answerOf(recorded);
}

/** A payment that is still PENDING is about to be asked for once more, so its charge is looked for anew, too. */
async function storeIntent(
  { db, reconcileAfterMs }: Payments,
  id: string,
  amount: Money,
): Promise<StoredPayment> {
  const stored = await db.sql
    .insertInto("payment")
    .values({
      id,
      state: "PENDING",
      amount_minor: amount.minor,
      currency: amount.currency,
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
        .whereRef("payment.currency", "=", "excluded.currency"),
    )
    .returningAll()
    .executeTakeFirst();
  return stored ?? (await getPayment(db, id));
}

function requireSameAmount(payment: StoredPayment, { minor, currency }: Money): void {
  const before = amountOf(payment);
  if (before === undefined || (before.minor === minor && before.currency === currency)) return;
  throw refuse(
    ErrorReason.PAYMENT_MISMATCH,
    `payment ${payment.id} is about ${before.minor} ${before.currency} in minor units, not ${minor} ${currency}; use a new id for another amount`,
    { metadata: { payment_id: payment.id } },
  );
}

/** The payment was given up while the provider worked. Where this fails, reconcilePayments does it. */
async function giveBack({ ask }: Payments, scope: Scope, chargeId: string): Promise<void> {
  await ask(scope, (provider, signal) => provider.void(chargeId, signal)).catch((error: unknown) => {
    scope.log.warn({ chargeId, err: error }, "the charge of a void payment is not given back yet");
  });
}

function answerOf(payment: StoredPayment): StoredPayment {
  const { id, state, decline_reason } = payment;
  switch (state) {
    case "AUTHORIZED":
    case "CAPTURED":
      return payment;
    case "DECLINED":
      throw refuse(
        ErrorReason.PAYMENT_DECLINED,
        `the payment was declined: ${decline_reason}; use another card`,
        {
          metadata: { payment_id: id, decline_reason: decline_reason ?? "" },
        },
      );
    case "VOIDED":
      throw stateConflict(payment, "authorized");
    case "PENDING":
      throw new Error(`payment ${id} is still PENDING although the provider answered`);
  }
}
