import { type Selectable, sql } from "kysely";
import type { Tables } from "#kit/data/tables.ts";
import type { OrderSql, OrderTransaction } from "./database.ts";
import type { entities } from "./entities.ts";
import { ErrorReason, refuse } from "./errors.ts";
import { mayMove, type OrderState } from "./order-state.ts";

type OrderTables = Tables<typeof entities>;
type OrderRow = Selectable<OrderTables["orders"]>;

/** A line of an order as it is stored. */
export type StoredOrderLine = Selectable<OrderTables["order_line"]>;

/** An order as it is stored, with its lines in order. */
export interface StoredOrder extends OrderRow {
  readonly lines: readonly StoredOrderLine[];
}

/** What an order is made of. */
export type NewOrder = Omit<
  StoredOrder,
  "state" | "cancel_reason" | "version" | "create_time" | "update_time" | "lines"
> & { readonly lines: readonly Omit<StoredOrderLine, "order_id" | "position">[] };

/**
 * Stores a new order, PENDING, with the end of a transaction.
 *
 * @param tx the transaction
 * @param order the order with its lines
 */
export function insertOrder(tx: OrderTransaction, { lines, ...order }: NewOrder): void {
  const rows = lines.map((line, position) => ({
    ...line,
    discounts: json(line.discounts),
    taxes: json(line.taxes),
    order_id: order.id,
    position,
  }));
  tx.finishWith(
    tx.sql
      .insertInto("orders")
      .values({
        ...order,
        shipping_discounts: json(order.shipping_discounts),
        shipping_taxes: json(order.shipping_taxes),
        discounts: json(order.discounts),
        taxes: json(order.taxes),
        state: "PENDING",
      })
      .compile(),
  );
  tx.finishWith(tx.sql.insertInto("order_line").values(rows).compile());
}

/**
 * Brings an order from one state to another, unless it is in another state than that.
 *
 * @param tx the transaction
 * @param id the order
 * @param from the state in which it must be
 * @param to the state in which it shall be
 * @param cancelReason why it is cancelled
 * @returns the order as it is then; undefined when it was in another state
 * @throws Error when no order may go that way
 */
export async function tryMoveOrder(
  tx: OrderTransaction,
  id: string,
  from: OrderState,
  to: OrderState,
  cancelReason = "",
): Promise<StoredOrder | undefined> {
  if (!mayMove(from, to)) throw new Error(`an order may not go from ${from} to ${to}`);
  const moving = tx.sql
    .updateTable("orders")
    .set({
      state: to,
      cancel_reason: cancelReason,
      version: sql<number>`version + 1`,
      update_time: sql<Date>`now()`,
    })
    .where("id", "=", id)
    .where("state", "=", from)
    .returningAll()
    .executeTakeFirst();
  const [moved, lines] = await Promise.all([moving, readLinesOf(tx.sql, [id])]);
  if (moved === undefined) return undefined;
  tx.ring(id);
  return { ...moved, lines };
}

/**
 * Brings an order from a state in which only this work can have left it to another.
 *
 * @param tx the transaction
 * @param id the order
 * @param from the state in which it is
 * @param to the state in which it shall be
 * @param cancelReason why it is cancelled
 * @returns the order as it is then
 * @throws Error when it is in another state, or no order may go that way
 */
export async function moveOrder(
  tx: OrderTransaction,
  id: string,
  from: OrderState,
  to: OrderState,
  cancelReason = "",
): Promise<StoredOrder> {
  const moved = await tryMoveOrder(tx, id, from, to, cancelReason);
  if (moved !== undefined) return moved;
  throw new Error(`order ${id} cannot become ${to}: it is no longer ${from}`);
}

/**
 * An order of a customer.
 *
 * @param db where to read
 * @param id the order
 * @param customerId whose it must be
 * @throws SoukError ORDER_NOT_FOUND also when it is somebody else's
 */
export async function requireOrderOf(db: OrderSql, id: string, customerId: string): Promise<StoredOrder> {
  const order = await db
    .selectFrom("orders")
    .selectAll()
    .where("id", "=", id)
    .where("customer_id", "=", customerId)
    .executeTakeFirst();
  if (order !== undefined) return { ...order, lines: await readLinesOf(db, [id]) };
  throw refuse(
    ErrorReason.ORDER_NOT_FOUND,
    `you have no order ${id}; list your orders to see which there are`,
  );
}

/**
 * An order, whosever it is.
 *
 * @param db where to read
 * @param id the order
 * @throws Error when there is none
 */
export async function requireOrder(db: OrderSql, id: string): Promise<StoredOrder> {
  const order = await db.selectFrom("orders").selectAll().where("id", "=", id).executeTakeFirstOrThrow();
  return { ...order, lines: await readLinesOf(db, [id]) };
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
  if (orders.length === 0) return [];
  const lines = await readLinesOf(
    db,
    orders.map(({ id }) => id),
  );
  const linesByOrder = Map.groupBy(lines, (line) => line.order_id);
  return orders.map((order) => ({ ...order, lines: linesByOrder.get(order.id) ?? [] }));
}

function readLinesOf(db: OrderSql, orderIds: readonly string[]): Promise<StoredOrderLine[]> {
  return db
    .selectFrom("order_line")
    .selectAll()
    .where("order_id", "=", sql<string>`any(${orderIds})`)
    .orderBy("order_id")
    .orderBy("position")
    .execute();
}

/** A list for a JSON column; the driver would make an array of the database of it. */
function json<T>(list: readonly T[]) {
  return sql<readonly T[]>`${JSON.stringify(list)}`;
}
