import { type Selectable, sql } from "kysely";
import type { Tables } from "#kit/data/tables.ts";
import type { OrderSql } from "./database.ts";
import type { entities } from "./entities.ts";
import type { OrderState } from "./order-state.ts";

type OrderTables = Tables<typeof entities>;
/** An order without its parts, as it is stored. */
export type OrderRow = Selectable<OrderTables["orders"]>;
/** A line of an order as it is stored. */
export type StoredOrderLine = Selectable<OrderTables["order_line"]>;
/** A shipment as it is stored. */
export type StoredShipment = Selectable<OrderTables["shipment"]>;
/** A return as it is stored. */
export type StoredReturn = Selectable<OrderTables["order_return"]>;
/** A refund as it is stored. */
export type StoredRefund = Selectable<OrderTables["refund"]>;
/** An invoice or credit note as it is stored. */
export type StoredInvoice = Selectable<OrderTables["invoice"]>;

/** An order as it is stored, with its lines in order, and all that became of it, the oldest first. */
export interface StoredOrder extends OrderRow, AfterSale {
  readonly lines: readonly StoredOrderLine[];
}

/** What became of an order once something of it was sent. */
export interface AfterSale {
  readonly shipments: readonly StoredShipment[];
  readonly returns: readonly StoredReturn[];
  readonly refunds: readonly StoredRefund[];
  readonly invoices: readonly StoredInvoice[];
}

/** What became of an order of which nothing was sent. */
export const NOTHING_SENT: AfterSale = { shipments: [], returns: [], refunds: [], invoices: [] };

/**
 * Puts orders together with their parts: one statement for the lines, and four more where something was sent.
 *
 * @param db where to read
 * @param orders the orders
 */
export async function withParts(db: OrderSql, orders: readonly OrderRow[]): Promise<StoredOrder[]> {
  if (orders.length === 0) return [];
  const [lines, after] = await Promise.all([
    readLinesOf(
      db,
      orders.map(({ id }) => id),
    ),
    readAfterSale(db, orders),
  ]);
  const linesByOrder = Map.groupBy(lines, (line) => line.order_id);
  return orders.map((order) => ({ ...order, ...after(order.id), lines: linesByOrder.get(order.id) ?? [] }));
}

/**
 * The lines of orders, those of an order in its order.
 *
 * @param db where to read
 * @param orderIds the orders
 */
export function readLinesOf(db: OrderSql, orderIds: readonly string[]): Promise<StoredOrderLine[]> {
  return db
    .selectFrom("order_line")
    .selectAll()
    .where("order_id", "=", sql<string>`any(${orderIds})`)
    .orderBy("order_id")
    .orderBy("position")
    .execute();
}

/**
 * What became of orders once something of them was sent.
 *
 * @param db where to read
 * @param orders the orders; those of which nothing was sent cost nothing, but cancelled ones that have money
 * @returns gives it for the id of one of them
 */
export async function readAfterSale(
  db: OrderSql,
  orders: readonly Pick<OrderRow, "id" | "state" | "payments">[],
): Promise<(orderId: string) => AfterSale> {
  const ids = orders.filter(hasMore).map(({ id }) => id);
  if (ids.length === 0) return () => NOTHING_SENT;
  const read = <T extends "shipment" | "order_return" | "refund" | "invoice">(table: T) =>
    db
      .selectFrom(table as "shipment")
      .selectAll()
      .where("order_id", "=", sql<string>`any(${ids})`)
      .orderBy("order_id")
      .orderBy("id")
      .execute() as unknown as Promise<Selectable<OrderTables[T]>[]>;
  const [shipments, returns, refunds, invoices] = await Promise.all([
    read("shipment").then(byOrder),
    read("order_return").then(byOrder),
    read("refund").then(byOrder),
    read("invoice").then(byOrder),
  ]);
  return (id) => ({
    shipments: shipments.get(id) ?? [],
    returns: returns.get(id) ?? [],
    refunds: refunds.get(id) ?? [],
    invoices: invoices.get(id) ?? [],
  });
}

const SENT: ReadonlySet<OrderState> = new Set(["PARTIALLY_SHIPPED", "SHIPPED", "DELIVERED", "RETURNED"]);

function hasMore({ state, payments }: Pick<OrderRow, "state" | "payments">): boolean {
  // It replaced goods, and the provider refused to give back what they had paid.
  const wasRefused = state === "CANCELLED" && payments.length > 0;
  return wasRefused || SENT.has(state);
}

function byOrder<T extends { readonly order_id: string }>(rows: readonly T[]): Map<string, T[]> {
  return Map.groupBy(rows, ({ order_id }) => order_id);
}
