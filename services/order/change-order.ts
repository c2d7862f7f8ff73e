import { sql, type UpdateObject } from "kysely";
import type { Tables } from "#kit/data/tables.ts";
import { MeshReason, refuseMesh } from "#kit/error.ts";
import type { OrderSql, OrderTransaction } from "./database.ts";
import type { entities } from "./entities.ts";
import { ErrorReason, refuse } from "./errors.ts";
import { type OrderRow, type StoredOrder, withParts } from "./order-parts.ts";
import { mayMove, type OrderAct, type OrderState, requireMay } from "./order-state.ts";

/** When it is worth to try again what another change stood in the way of, in ms. */
const RETRY_AFTER_MS = 500;

/**
 * Any order, for who may see all of them.
 *
 * @param db where to read
 * @param id the order
 * @throws SoukError ORDER_NOT_FOUND
 */
export async function requireOrder(db: OrderSql, id: string): Promise<StoredOrder> {
  const row = await db.selectFrom("orders").selectAll().where("id", "=", id).executeTakeFirst();
  const [order] = await withParts(db, row === undefined ? [] : [row]);
  if (order === undefined) throw orderNotFound(id);
  return order;
}

/** The row of an order, which nobody else changes until the transaction ends. */
export function lockRow(tx: OrderTransaction, id: string): Promise<OrderRow | undefined> {
  return tx.sql.selectFrom("orders").selectAll().where("id", "=", id).forUpdate().executeTakeFirst();
}

/**
 * Any order, which nobody else changes until the transaction ends.
 *
 * @param tx the transaction
 * @param id the order
 * @throws SoukError ORDER_NOT_FOUND
 */
export async function lockOrder(tx: OrderTransaction, id: string): Promise<StoredOrder> {
  const row = await lockRow(tx, id);
  const [order] = await withParts(tx.sql, row === undefined ? [] : [row]);
  if (order === undefined) throw orderNotFound(id);
  return order;
}

/**
 * Locks an order that a saga is going to change, and requires that it may: of sagas that change what is sent or to be
 * sent of an order there is one at a time, which the caller has to note with {@link keepFor}.
 *
 * @param tx the transaction that prepares the saga
 * @param act what the saga does
 * @param id the order
 * @param etag as the caller knows the order; "" where that does not matter
 * @throws SoukError ORDER_NOT_FOUND, ORDER_BEING_CHANGED, ETAG_MISMATCH, or that the order is in the wrong state
 */
export async function lockForChange(
  tx: OrderTransaction,
  act: OrderAct,
  id: string,
  etag: string,
): Promise<StoredOrder> {
  const order = await lockOrder(tx, id);
  if (order.changing !== null) throw beingChanged(id);
  requireMay(act, order);
  requireEtag("order", order, etag);
  return order;
}

/**
 * Notes with the end of a transaction which saga changes an order.
 *
 * @param tx the transaction that prepares the saga
 * @param orderId the order, locked
 * @param sagaId the saga; null when it has ended
 * @param state the state that the order has meanwhile; as it is when left out
 */
export function keepFor(
  tx: OrderTransaction,
  orderId: string,
  sagaId: string | null,
  state?: OrderState,
): void {
  const change = { changing: sagaId, ...(state !== undefined && { state }) };
  tx.finishWith(tx.sql.updateTable("orders").set(change).where("id", "=", orderId).compile());
}

/**
 * Requires that somebody knows a thing as it is.
 *
 * @param what what to call it
 * @param stored the thing, with its version
 * @param etag as the caller knows it; "" where that does not matter
 * @throws SoukError ETAG_MISMATCH
 */
export function requireEtag(what: string, { version }: { readonly version: number }, etag: string): void {
  if (etag === "" || etag === String(version)) return;
  throw refuseMesh(
    MeshReason.ETAG_MISMATCH,
    `the ${what} changed since you read it; read it again and decide anew`,
    { violations: [{ field: "etag", description: `is not that of the ${what} as it is now` }] },
  );
}

type OrderChange = UpdateObject<Tables<typeof entities>, "orders">;

/**
 * Stores a change of an order whose lines and shipments are stored already; its state follows from them.
 *
 * @param tx the transaction
 * @param id the order, locked
 * @param change what else changes
 * @returns the order as it is then
 * @throws Error when no order may go to that state from the one it is in
 */
export async function storeChange(
  tx: OrderTransaction,
  id: string,
  change: (order: StoredOrder) => OrderChange = () => ({}),
): Promise<StoredOrder> {
  const before = await requireOrder(tx.sql, id);
  const state = stateFor(before);
  if (state !== before.state && !mayMove(before.state, state))
    throw new Error(`an order may not go from ${before.state} to ${state}`);
  const row = await tx.sql
    .updateTable("orders")
    .set({
      state,
      ...change(before),
      version: sql<number>`version + 1`,
      update_time: sql<Date>`now()`,
    })
    .where("id", "=", id)
    .returningAll()
    .executeTakeFirstOrThrow();
  tx.ring(id);
  const [order] = await withParts(tx.sql, [row]);
  return order as StoredOrder;
}

/**
 * Has those who watch an order told of it anew, of which something changed beside its row. While it is still being
 * placed its version stays, by which the process that places it knows it.
 *
 * @param tx the transaction
 * @param id the order
 */
export async function tellAnew(tx: OrderTransaction, id: string): Promise<void> {
  await tx.sql
    .updateTable("orders")
    .set({ version: sql<number>`version + 1`, update_time: sql<Date>`now()` })
    .where("id", "=", id)
    .where("state", "<>", "PENDING")
    .execute();
  tx.ring(id);
}

/** The state that follows from what was sent, cancelled, delivered and returned of an order that is certain. */
function stateFor({ state, lines, shipments }: StoredOrder): OrderState {
  const count = (of: (line: StoredOrder["lines"][number]) => bigint) =>
    lines.reduce((sum, line) => sum + of(line), 0n);
  const sent = count(({ shipped }) => shipped);
  const open = count(({ quantity, shipped, cancelled }) => quantity - shipped - cancelled);
  if (sent === 0n) return open === 0n ? "CANCELLED" : state;
  if (open > 0n) return "PARTIALLY_SHIPPED";
  if (count(({ returned }) => returned) === sent) return "RETURNED";
  // Of an order of which nothing was sent before, its shipments are not read; the first has just been sent.
  const allArrived = shipments.length > 0 && shipments.every((shipment) => shipment.state === "DELIVERED");
  return allArrived ? "DELIVERED" : "SHIPPED";
}

/**
 * The refusal of a change while another one is under way.
 *
 * @param id the order
 */
export function beingChanged(id: string) {
  return refuse(
    ErrorReason.ORDER_BEING_CHANGED,
    `order ${id} is just being changed by another call; try again in a moment`,
    { metadata: { order_id: id }, retryAfterMs: RETRY_AFTER_MS },
  );
}

function orderNotFound(id: string) {
  return refuse(
    ErrorReason.ORDER_NOT_FOUND,
    `there is no order ${id}; list the orders to see which there are`,
  );
}
