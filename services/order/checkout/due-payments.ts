import { sql } from "kysely";
import type { PaymentConfirmed } from "#gen/souk/payment/v1/events_pb.ts";
import { isRetryable, toSoukError } from "#kit/error.ts";
import type { RootScope } from "#kit/rpc/root-scope.ts";
import type { Sagas } from "#kit/saga/sagas.ts";
import type { Scope } from "#kit/scope.ts";
import type { OrderDatabase, OrderTransaction } from "../database.ts";
import { completePayment } from "./complete-payment.ts";

/** How many orders go on at a time. */
const AT_ONCE = 20;
/** How long one of them is waited for, in ms; it goes on all the same. */
const PATIENCE_MS = 4_000;

/**
 * Notes that it is decided whether a customer confirmed a payment: the order need not wait any longer. It may not be
 * waiting yet, for the payment provider may be faster than the order that is being placed.
 *
 * @param event what payment told
 * @param tx the transaction in which it takes effect
 */
export async function noteDecision({ paymentId }: PaymentConfirmed, tx: OrderTransaction): Promise<void> {
  await sql`
    update orders set confirm_until = least(confirm_until, now())
    where id = ${paymentId} and state in ('PENDING', 'AWAITING_PAYMENT')`.execute(tx.sql);
}

/**
 * Ends the wait of the orders whose payment is decided, or whose time is up.
 *
 * @param db order's database
 * @param sagas order's sagas
 * @param rootScope makes the scope of each
 * @param scope the run
 */
export async function completeDuePayments(
  db: OrderDatabase,
  sagas: Sagas,
  rootScope: RootScope,
  { requestId, signal, log }: Scope,
): Promise<void> {
  while (!signal.aborted) {
    const { rows } = await sql<{ id: string }>`
      select id from orders
      where state = 'AWAITING_PAYMENT' and changing is null and confirm_until <= now()
      order by confirm_until limit ${AT_ONCE}`.execute(db.sql);
    await Promise.all(
      rows.map(({ id }) =>
        completePayment(sagas, rootScope({ requestId, signal, timeoutMs: PATIENCE_MS }), id).catch(
          (error: unknown) => {
            const failure = { orderId: id, err: error };
            if (isRetryable(toSoukError(error))) log.warn(failure, "an order cannot be confirmed yet");
            else log.info(failure, "an order was not confirmed");
          },
        ),
      ),
    );
    if (rows.length < AT_ONCE) return;
  }
}
