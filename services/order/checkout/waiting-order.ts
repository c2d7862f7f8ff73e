import { isRefusal } from "#kit/error.ts";
import { beingChanged, keepFor, lockOrder } from "../change-order.ts";
import type { OrderTransaction } from "../database.ts";
import { ErrorReason, ErrorReasonSchema } from "../errors.ts";
import type { StoredOrder } from "../order-parts.ts";

/**
 * Locks an order that waits for its customer, for the one saga that ends the wait.
 *
 * @param tx the transaction that prepares the saga
 * @param id the order
 * @param sagaId the saga
 * @throws SoukError ORDER_NOT_FOUND, or ORDER_BEING_CHANGED when it waits no longer, or another saga ends that
 */
export async function lockWaiting(tx: OrderTransaction, id: string, sagaId: string): Promise<StoredOrder> {
  const order = await lockOrder(tx, id);
  if (order.state !== "AWAITING_PAYMENT" || order.changing !== null) throw beingChanged(id);
  keepFor(tx, id, sagaId);
  return order;
}

/**
 * Does what begins with {@link lockWaiting}, or nothing where somebody else was first.
 *
 * @param work what ends the wait
 */
export async function ifStillWaiting(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isRefusal(error, ErrorReasonSchema, ErrorReason.ORDER_BEING_CHANGED)) throw error;
  }
}

/**
 * Lets the saga that ended the wait of an order go; the order can be brought to another state then.
 *
 * @param tx the transaction that ends the saga
 * @param id the order
 */
export async function endWait({ sql }: OrderTransaction, id: string): Promise<void> {
  await sql.updateTable("orders").set({ changing: null, confirm_uri: null }).where("id", "=", id).execute();
}
