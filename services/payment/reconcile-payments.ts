import { sql } from "kysely";
import type { Scope } from "#kit/scope.ts";
import { fromNow } from "./change-state.ts";
import type { PaymentDatabase } from "./database.ts";
import { whileUnderWay } from "./movements.ts";
import type { Payments, StoredPayment } from "./payment.ts";
import type { Charge } from "./provider/provider.ts";
import { finishMovements, takeOver } from "./sync-payment.ts";

const BATCH = 100;
/** How long a provider may work on a request before it makes the charge, in ms. */
const PROVIDER_WINDOW_MS = 24 * 3_600_000;

/**
 * Asks the provider about payments of which something is uncertain. A PENDING payment takes over the
 * charge that is found; none is ever asked for here, since nobody keeps the token of the card. The
 * charge of a void payment is given back. Captures and refunds that are under way are asked for again:
 * under their ids they happen once. Where there is no charge, the provider is asked again
 * each time the payment has become twice as old, until a charge cannot turn up any more.
 *
 * @throws SoukError PROVIDER_UNAVAILABLE at the first question that is not answered; the other
 *   payments come first next time
 */
export async function reconcilePayments(payments: Payments, scope: Scope): Promise<void> {
  const { db, reconcileAfterMs } = payments;
  const due = await db.sql
    .selectFrom("payment")
    .selectAll()
    .where("reconcile_time", "<=", sql<Date>`now()`)
    .orderBy("reconcile_time")
    .limit(BATCH)
    .execute();
  for (const payment of due) {
    try {
      await reconcile(payments, scope, payment);
    } catch (error) {
      await lookAgain(db, payment, fromNow(reconcileAfterMs));
      throw error;
    }
  }
}

async function reconcile(payments: Payments, scope: Scope, payment: StoredPayment): Promise<void> {
  const { db, ask } = payments;
  if (payment.state !== "PENDING" && payment.state !== "VOIDED") {
    await finishMovements(payments, scope, payment.id);
    await lookAgain(db, payment, whileUnderWay(payment.id, fromNow(payments.reconcileAfterMs)));
    return;
  }
  const charge = await ask(scope, (provider, signal) => provider.findByIdempotencyKey(payment.id, signal));
  if (charge === undefined) {
    await waitForCharge(db, scope, payment);
  } else if (payment.state === "PENDING") {
    await takeOver(payments, scope, payment, charge);
  } else {
    const chargeId = charge.id as string;
    const orphan = charge.status === "authorized" || charge.status === "action_required";
    const last = orphan ? await ask(scope, (provider, signal) => provider.void(chargeId, signal)) : charge;
    await closeVoid(db, scope, payment, last, orphan);
  }
}

async function waitForCharge(db: PaymentDatabase, scope: Scope, payment: StoredPayment): Promise<void> {
  const twiceAsOld = sql<Date | null>`case
    when update_time > now() - ${PROVIDER_WINDOW_MS} * interval '1 millisecond' then now() + (now() - update_time)
  end`;
  const again = await lookAgain(db, payment, twiceAsOld);
  if (payment.state === "PENDING" && again === null) {
    scope.log.warn(
      { paymentId: payment.id },
      "a payment was never charged and neither repeated nor given up",
    );
  }
}

/** @returns when that is; null when never, undefined when the payment has moved on meanwhile */
async function lookAgain(
  db: PaymentDatabase,
  { id, state }: StoredPayment,
  time: ReturnType<typeof sql<Date | null>>,
): Promise<Date | null | undefined> {
  const changed = await db.sql
    .updateTable("payment")
    .set({ reconcile_time: time })
    .where("id", "=", id)
    .where("state", "=", state)
    .returning("reconcile_time")
    .executeTakeFirst();
  return changed?.reconcile_time;
}

async function closeVoid(
  db: PaymentDatabase,
  scope: Scope,
  { id }: StoredPayment,
  charge: Charge,
  orphan: boolean,
): Promise<void> {
  await db.sql
    .updateTable("payment")
    .set({ provider_charge_id: charge.id ?? null, reconcile_time: null })
    .where("id", "=", id)
    .execute();
  const facts = { paymentId: id, chargeId: charge.id };
  if (charge.status === "captured")
    scope.log.error(facts, "the charge of a void payment is captured; refund it");
  else if (orphan) scope.log.warn(facts, "a charge turned up after its payment was given up; it was voided");
}
