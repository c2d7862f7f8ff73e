import { create } from "@bufbuild/protobuf";
import { sql } from "kysely";
import { uuidv7 } from "uuidv7";
import { ReturnChangedSchema } from "#gen/souk/order/v1/events_pb.ts";
import { ReturnSchema } from "#gen/souk/order/v1/return_pb.ts";
import type { SoukError } from "#kit/error.ts";
import type { Scope } from "#kit/scope.ts";
import type { Owner } from "../cart/shopper.ts";
import { lockOrder, storeChange } from "../change-order.ts";
import type { OrderTransaction } from "../database.ts";
import { ErrorReason, refuse } from "../errors.ts";
import { toOrder } from "../order-message.ts";
import type { StoredOrder, StoredReturn } from "../order-parts.ts";
import { requireMay } from "../order-state.ts";
import { isOf, lockOwnOrder } from "../own-order.ts";
import { actorOf, writeDown } from "../timeline.ts";
import type { ReturnReasonName, ReturnState, StoredReturnLine } from "./after-sale.ts";
import { toReturn } from "./after-sale-message.ts";
import { type Item, requirePieces } from "./pieces.ts";

/** A number of a line that a customer wants to send back. */
export interface ReturnedItem extends Item {
  readonly reason: ReturnReasonName;
}

/** What a customer wants to send back. */
export interface ReturnWish {
  readonly orderId: string;
  /** Whose the order must be. */
  readonly asker: Owner;
  readonly items: readonly ReturnedItem[];
  readonly note: string;
}

/**
 * Stores that a customer wants to send something back. The pieces are kept for it, so that none is sent back twice.
 *
 * @param tx the transaction
 * @param scope the call
 * @param wish what shall come back
 * @param periodMs how long after the last shipment that is possible, in ms
 * @returns the return
 * @throws SoukError ORDER_NOT_FOUND, ORDER_NOT_RETURNABLE, LINE_NOT_FOUND or QUANTITY_EXCEEDED
 */
export async function requestReturn(
  tx: OrderTransaction,
  scope: Scope,
  { orderId, asker, items, note }: ReturnWish,
  periodMs: number,
): Promise<StoredReturn> {
  const order = await lockOwnOrder(tx, orderId, asker);
  requireMay("return", order);
  requireInTime(order, periodMs);
  const pieces = requirePieces(
    order,
    items,
    ({ shipped, awaited, returned }) => shipped - awaited - returned,
  );
  await Promise.all(
    pieces.map(({ line, count }) =>
      tx.sql
        .updateTable("order_line")
        .set({ awaited: line.awaited + count })
        .where("id", "=", line.id)
        .execute(),
    ),
  );
  const lines = pieces.map(({ line, count }): StoredReturnLine => {
    const reason = items.find(({ lineId }) => lineId.toLowerCase() === line.id)?.reason ?? "OTHER";
    return { lineId: line.id, quantity: String(count), restocked: "0", writtenOff: "0", reason };
  });
  const requested = await tx.sql
    .insertInto("order_return")
    .values({
      id: uuidv7(),
      order_id: orderId,
      state: "REQUESTED",
      lines: sql`${JSON.stringify(lines)}`,
      note,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  tellOfReturn(tx, await storeChange(tx, orderId), requested, actorOf(scope), "Goods shall be sent back");
  return requested;
}

/**
 * A return with its order, which nobody else changes until the transaction ends.
 *
 * @param tx the transaction
 * @param id the return
 * @param asker whose it must be; anybody's when left out
 * @throws SoukError RETURN_NOT_FOUND
 */
export async function lockReturn(
  tx: OrderTransaction,
  id: string,
  asker?: Owner,
): Promise<{ order: StoredOrder; stored: StoredReturn }> {
  const found = await tx.sql
    .selectFrom("order_return")
    .select("order_id")
    .where("id", "=", id)
    .executeTakeFirst();
  const order = found && (await lockOrder(tx, found.order_id));
  const stored = order?.returns.find((each) => each.id === id);
  if (order !== undefined && stored !== undefined) {
    if (asker === undefined || isOf(order, asker)) return { order, stored };
  }
  throw refuse(ErrorReason.RETURN_NOT_FOUND, `there is no return ${id}; read the order to see its returns`);
}

/**
 * Stores a change of a return.
 *
 * @param tx the transaction
 * @param id the return, locked with its order
 * @param change what changes
 * @returns the return as it is then
 */
export function storeReturn(
  tx: OrderTransaction,
  id: string,
  change: Partial<
    Pick<StoredReturn, "state" | "instructions" | "reject_reason" | "refund_id" | "exchange_order_id">
  > & {
    readonly lines?: readonly StoredReturnLine[];
  },
): Promise<StoredReturn> {
  const { lines, ...others } = change;
  return tx.sql
    .updateTable("order_return")
    .set({
      ...others,
      ...(lines !== undefined && { lines: sql`${JSON.stringify(lines)}` }),
      version: sql<number>`version + 1`,
      update_time: sql<Date>`now()`,
    })
    .where("id", "=", id)
    .returningAll()
    .executeTakeFirstOrThrow();
}

/**
 * Tells that a return changed, with the end of the transaction.
 *
 * @param tx the transaction
 * @param order its order as it is then
 * @param stored the return as it is now
 * @param actorId the account that did it
 * @param text the same in words
 */
export function tellOfReturn(
  tx: OrderTransaction,
  order: StoredOrder,
  stored: StoredReturn,
  actorId: string,
  text: string,
): void {
  writeDown(tx, { orderId: order.id, kind: "RETURN", text, actorId, referenceId: stored.id });
  tx.emit(ReturnChangedSchema, {
    orderId: order.id,
    customerId: order.customer_id ?? "",
    email: order.email,
    return: create(ReturnSchema, toReturn(stored)),
    order: toOrder(order),
  });
}

/**
 * The refusal of what a return is in the wrong state for.
 *
 * @param stored the return
 * @param needed the states in which it would do
 */
export function returnConflict({ id, state }: StoredReturn, needed: readonly ReturnState[]): SoukError {
  return refuse(
    ErrorReason.RETURN_STATE_CONFLICT,
    `return ${id} is ${state} and would have to be ${needed.join(" or ")}`,
    { metadata: { return_id: id, state } },
  );
}

/**
 * The pieces of a return that does not come are free to be sent back later.
 *
 * @param tx the transaction, in which their order is locked
 * @param returned the return
 */
export async function letGo(tx: OrderTransaction, { lines }: Pick<StoredReturn, "lines">): Promise<void> {
  await Promise.all(
    lines.map(({ lineId, quantity }) =>
      tx.sql
        .updateTable("order_line")
        .set({ awaited: sql<bigint>`awaited - ${quantity}::bigint` })
        .where("id", "=", lineId)
        .execute(),
    ),
  );
}

function requireInTime(order: StoredOrder, periodMs: number): void {
  const last = Math.max(
    ...order.shipments.map(({ delivery_time, create_time }) => (delivery_time ?? create_time).getTime()),
  );
  if (Date.now() <= last + periodMs) return;
  throw refuse(
    ErrorReason.ORDER_NOT_RETURNABLE,
    `order ${order.id} could be sent back until ${new Date(last + periodMs).toISOString()}; ask the shop`,
    { metadata: { order_id: order.id, end_time: new Date(last + periodMs).toISOString() } },
  );
}
