import { sql } from "kysely";
import type { StoredPayment, TimelineKindName } from "./after-sale/after-sale.ts";
import type { OrderSql, OrderTransaction } from "./database.ts";
import { json } from "./json-column.ts";
import {
  NOTHING_SENT,
  type OrderRow,
  readAfterSale,
  readLinesOf,
  type StoredOrder,
  type StoredOrderLine,
  withParts,
} from "./order-parts.ts";
import { mayMove, type OrderState } from "./order-state.ts";
import { writeDown } from "./timeline.ts";

export type { StoredOrder, StoredOrderLine };

/** What becomes of an order and of its lines later. */
type Later =
  | "state"
  | "payments"
  | "cancel_reason"
  | "confirm_uri"
  | "confirm_until"
  | "remind_at"
  | "changing"
  | "found_token_hash"
  | "cancelled_total"
  | "captured"
  | "refunding"
  | "refunded"
  | "shipping_refunded"
  | "version"
  | "create_time"
  | "update_time";
type LaterOfLine = "shipped" | "cancelled" | "awaited" | "returned" | "refunded" | "refunded_amount";

/** What an order is made of. */
export type NewOrder = Omit<OrderRow, Later> & {
  /** What pays for it; a payment with its id when left out. */
  readonly payments?: readonly StoredPayment[];
  readonly lines: readonly Omit<StoredOrderLine, LaterOfLine | "order_id" | "position">[];
};

/** What stands in a new order: what its columns have by default. */
const FRESH: Omit<Pick<OrderRow, Later>, "payments" | "create_time" | "update_time"> = {
  state: "PENDING",
  cancel_reason: "",
  confirm_uri: null,
  confirm_until: null,
  remind_at: null,
  changing: null,
  found_token_hash: null,
  cancelled_total: 0n,
  captured: 0n,
  refunding: 0n,
  refunded: 0n,
  shipping_refunded: false,
  version: 1,
};
/** What stands in a line of which nothing was sent, cancelled or given back. */
export const FRESH_LINE: Pick<StoredOrderLine, LaterOfLine> = {
  shipped: 0n,
  cancelled: 0n,
  awaited: 0n,
  returned: 0n,
  refunded: 0n,
  refunded_amount: 0n,
};

/**
 * Stores a new order, PENDING, with the end of a transaction.
 *
 * @param tx the transaction
 * @param order the order with its lines
 * @param actorId the account that does it; its customer when left out
 * @returns the order as it is stored
 */
export function insertOrder(
  tx: OrderTransaction,
  { lines, ...made }: NewOrder,
  actorId = made.customer_id ?? "",
): StoredOrder {
  const order = { ...made, payments: made.payments ?? paymentOf(made.id, made.total) };
  // The time is ours, so that the order is known without being read.
  const now = new Date();
  const times = { create_time: now, update_time: now };
  const placed = lines.map((line, position) => ({ ...line, order_id: order.id, position }));
  tx.finishWith(
    tx.sql
      .insertInto("orders")
      .values({
        ...order,
        ...times,
        shipping_discounts: json(order.shipping_discounts),
        shipping_taxes: json(order.shipping_taxes),
        discounts: json(order.discounts),
        taxes: json(order.taxes),
        means: json(order.means),
        payments: json(order.payments),
        state: FRESH.state,
      })
      .compile(),
  );
  const rows = placed.map((line) => ({
    ...line,
    discounts: json(line.discounts),
    taxes: json(line.taxes),
  }));
  tx.finishWith(tx.sql.insertInto("order_line").values(rows).compile());
  writeDown(tx, {
    orderId: order.id,
    kind: "PLACED",
    text: "The order was placed",
    actorId,
  });
  const stored = placed.map((line) => ({ ...line, ...FRESH_LINE }));
  return { ...order, ...times, ...FRESH, ...NOTHING_SENT, lines: stored };
}

/**
 * What pays for an order by a payment of its own: nothing where nothing is to pay.
 *
 * @param paymentId the payment
 * @param amount in minor units
 */
export function paymentOf(paymentId: string, amount: bigint): StoredPayment[] {
  if (amount === 0n) return [];
  return [{ paymentId, amount: String(amount), captured: "0", refunded: "0", exchanged: false }];
}

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

/**
 * Orders of a customer, the newest first.
 *
 * @param db where to read
 * @param customerId whose
 * @param limit how many at most
 * @param before the order after which to go on; from the newest when left out
 */
export async function listOrdersOf(
  db: OrderSql,
  customerId: string,
  limit: number,
  before?: string,
): Promise<StoredOrder[]> {
  // Ids are made in the order of time.
  const orders = await db
    .selectFrom("orders")
    .selectAll()
    .where("customer_id", "=", customerId)
    .$if(before !== undefined, (query) => query.where("id", "<", before as string))
    .orderBy("id", "desc")
    .limit(limit)
    .execute();
  return withParts(db, orders);
}
