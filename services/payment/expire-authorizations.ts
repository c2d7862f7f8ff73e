import { sql } from "kysely";
import type { Scope } from "#kit/scope.ts";
import { free, fromNow } from "./change-state.ts";
import type { Payments, StoredPayment } from "./payment.ts";
import { takeOver } from "./sync-payment.ts";

const BATCH = 100;

/**
 * Gives up what was neither confirmed nor taken in time, at the provider and in our books. What was taken of it stays
 * taken.
 *
 * @throws SoukError PROVIDER_UNAVAILABLE at the first question that is not answered; the other payments come first
 *   next time
 */
export async function expireAuthorizations(payments: Payments, scope: Scope): Promise<void> {
  const { db, reconcileAfterMs } = payments;
  const due = await db.sql
    .selectFrom("payment")
    .selectAll()
    .where("expire_time", "<=", sql<Date>`now()`)
    .orderBy("expire_time")
    .limit(BATCH)
    .execute();
  for (const payment of due) {
    try {
      await expire(payments, scope, payment);
    } catch (error) {
      await db.sql
        .updateTable("payment")
        .set({ expire_time: fromNow(reconcileAfterMs) })
        .where("id", "=", payment.id)
        .where("expire_time", "<=", sql<Date>`now()`)
        .execute();
      throw error;
    }
  }
}

async function expire(payments: Payments, scope: Scope, payment: StoredPayment): Promise<void> {
  const { id, provider_charge_id: chargeId } = payment;
  if (chargeId === null) {
    await free(payments, scope, id, { to: "EXPIRED" });
    return;
  }
  const charge = await payments.ask(scope, (provider, signal) => provider.void(chargeId, signal));
  if (charge.status === "captured") await takeOver(payments, scope, payment, charge);
  await free(payments, scope, id, { to: "EXPIRED", chargeId });
}
