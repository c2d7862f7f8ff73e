import { sql } from "kysely";
import type { TimelineKindName } from "./after-sale/after-sale.ts";
import type { OrderTransaction } from "./database.ts";
import { json } from "./json-column.ts";
import { readAfterSale, readLinesOf, type StoredOrder } from "./order-parts.ts";
import { mayMove, type OrderState } from "./order-state.ts";
import { writeDown } from "./timeline.ts";

/** What is written down of an order that comes to a state. */
const ARRIVALS: Partial<Record<OrderState, { readonly kind: TimelineKindName; readonly text: string }>> = {
  AWAITING_PAYMENT: { kind: "PAYMENT", text: "The payment waits to be confirmed by the customer" },
  CONFIRMED: { kind: "CONFIRMED", text: "Stock is set aside and the payment is authorized" },
  CANCELLED: { kind: "CANCELLED", text: "The order was cancelled" },
};

/**
 * Brings an order from one state to another, unless it is in another state than that, or just being changed.
 *
 * @param tx the transaction
 * @param id the order
 * @param from the state in which it must be
 * @param to the state in which it shall be
 * @param cancelReason why it is cancelled
 * @param actorId the account that does it; "" for the shop itself
 * @returns the order as it is then; undefined when it was in another state
 * @throws Error when no order may go that way
 */
export async function tryMoveOrder(
  tx: OrderTransaction,
  id: string,
  from: OrderState,
  to: OrderState,
  cancelReason = "",
  actorId = "",
): Promise<StoredOrder | undefined> {
  if (!mayMove(from, to)) throw new Error(`an order may not go from ${from} to ${to}`);
  const moving = tx.sql
    .updateTable("orders")
    .set({
      state: to,
      cancel_reason: cancelReason,
      version: sql<number>`version + 1`,
      update_time: sql<Date>`now()`,
      // Nothing was set aside for what was never confirmed, or it is free again.
      ...(to === "CANCELLED" && from !== "CANCELLING" && { payments: json([]) }),
    })
    .where("id", "=", id)
    .where("state", "=", from)
    .where("changing", "is", null)
    .returningAll()
    .executeTakeFirst();
  const [moved, lines] = await Promise.all([moving, readLinesOf(tx.sql, [id])]);
  if (moved === undefined) return undefined;
  tellArrival(tx, id, from, to, actorId);
  const after = await readAfterSale(tx.sql, [moved]);
  return { ...moved, ...after(id), lines };
}

/**
 * Brings an order from a state in which only this work can have left it to another.
 *
 * @param tx the transaction
 * @param id the order
 * @param from the state in which it is
 * @param to the state in which it shall be
 * @param cancelReason why it is cancelled
 * @param actorId the account that does it; "" for the shop itself
 * @returns the order as it is then
 * @throws Error when it is in another state, or no order may go that way
 */
export async function moveOrder(
  tx: OrderTransaction,
  id: string,
  from: OrderState,
  to: OrderState,
  cancelReason = "",
  actorId = "",
): Promise<StoredOrder> {
  const moved = await tryMoveOrder(tx, id, from, to, cancelReason, actorId);
  if (moved !== undefined) return moved;
  throw new Error(`order ${id} cannot become ${to}: it is no longer ${from}`);
}

/**
 * Brings an order to another state with the end of a transaction, without reading it. Where somebody else changed it
 * since, this breaks a constraint, and the transaction with it.
 *
 * @param tx the transaction
 * @param order as this process stored it, which nothing was sent of
 * @param to the state in which it shall be
 * @returns the order as it is then
 * @throws Error when no order may go that way
 */
export function moveKnownOrder(tx: OrderTransaction, order: StoredOrder, to: OrderState): StoredOrder {
  const { id, state, version } = order;
  if (!mayMove(state, to)) throw new Error(`an order may not go from ${state} to ${to}`);
  const moved = { ...order, state: to, version: version + 1, update_time: new Date() };
  tx.finishWith(
    (value) => `update orders set state = case
      when state = ${value(state)} and version = ${value(version)} and changing is null then ${value(to)}
      else 'changed meanwhile' end, version = version + 1, update_time = ${value(moved.update_time)}
      where id = ${value(id)}`,
  );
  tellArrival(tx, id, state, to, "");
  return moved;
}

function tellArrival(
  tx: OrderTransaction,
  orderId: string,
  from: OrderState,
  to: OrderState,
  actorId: string,
): void {
  tx.ring(orderId);
  const arrival = from === "CANCELLING" && to === "CONFIRMED" ? undefined : ARRIVALS[to];
  if (arrival !== undefined) writeDown(tx, { orderId, ...arrival, actorId });
}
