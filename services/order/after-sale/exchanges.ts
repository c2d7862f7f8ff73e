import { beingChanged, lockOrder } from "../change-order.ts";
import type { OrderSql, OrderTransaction } from "../database.ts";
import { ErrorReason, refuse } from "../errors.ts";
import type { StoredOrder, StoredReturn } from "../order-parts.ts";
import { writeDown } from "../timeline.ts";
import { failRefund } from "./book-refund.ts";
import { type Way, wayOf } from "./reckon-order.ts";
import { storeReturn } from "./returns.ts";

/** An exchange whose goods are not back yet: what they cost is kept in their order and not given back. */
export type OpenExchange = {
  /** The order whose goods come back. */
  readonly orderId: string;
  readonly returnId: string;
  readonly refundId: string;
};

/**
 * Finds the exchange that is taken back with the order that replaces its goods. Both orders are locked then, so that
 * the goods cannot come back meanwhile.
 *
 * @param tx the transaction that prepares to cancel the order, locked
 * @param order the order
 * @returns undefined where it replaces nothing, or the goods are back
 * @throws SoukError ORDER_BEING_CHANGED while the goods are booked
 */
export async function findOpenExchange(
  tx: OrderTransaction,
  order: Pick<StoredOrder, "id" | "exchange_of_order_id">,
): Promise<OpenExchange | undefined> {
  if (order.exchange_of_order_id === null) return undefined;
  const { id: orderId, returns } = await lockOrder(tx, order.exchange_of_order_id);
  const exchanged = returns.find(({ exchange_order_id }) => exchange_order_id === order.id);
  if (exchanged?.state === "RECEIVING") throw beingChanged(order.id);
  if (exchanged === undefined || exchanged.state === "RECEIVED") return undefined;
  return { orderId, returnId: exchanged.id, refundId: exchanged.refund_id as string };
}

/**
 * Takes an exchange back: the order whose goods come back has its money again, and they come back as any others.
 *
 * @param tx the transaction in which the order that replaces them is cancelled
 * @param exchange the exchange
 * @param actorId the account that did it
 */
export async function takeBackExchange(
  tx: OrderTransaction,
  { orderId, returnId, refundId }: OpenExchange,
  actorId: string,
): Promise<void> {
  await lockOrder(tx, orderId);
  await storeReturn(tx, returnId, { exchange_order_id: null, refund_id: null });
  await failRefund(tx, orderId, refundId);
  writeDown(tx, {
    orderId,
    kind: "EXCHANGED",
    text: "The exchange was taken back",
    actorId,
    referenceId: returnId,
  });
}

/**
 * The way in which an order that replaces goods is sent for nothing: as they were. They stay sent that way, whatever
 * becomes of the other order.
 *
 * @param db where to read
 * @param order the order
 * @returns undefined where it replaces nothing
 */
export async function freeWayOf(
  db: OrderSql,
  { exchange_of_order_id }: Pick<StoredOrder, "exchange_of_order_id">,
): Promise<Way | undefined> {
  if (exchange_of_order_id === null) return undefined;
  const replaced = await db
    .selectFrom("orders")
    .select(["shipping_method", "shipping_address"])
    .where("id", "=", exchange_of_order_id)
    .executeTakeFirstOrThrow();
  return wayOf(replaced);
}

/**
 * Refuses to send what replaces goods that have to be back first.
 *
 * @param db where to read
 * @param order the order
 * @throws SoukError ORDER_NOT_SHIPPABLE
 */
export async function requireBack(
  db: OrderSql,
  { id, exchange_of_order_id }: Pick<StoredOrder, "id" | "exchange_of_order_id">,
): Promise<void> {
  if (exchange_of_order_id === null) return;
  const missing = await db
    .selectFrom("order_return")
    .select("id")
    .where("exchange_order_id", "=", id)
    .where("sent_first", "=", false)
    .where("state", "<>", "RECEIVED")
    .executeTakeFirst();
  if (missing === undefined) return;
  throw refuse(
    ErrorReason.ORDER_NOT_SHIPPABLE,
    `order ${id} replaces goods that are not back; receive return ${missing.id} first`,
    { metadata: { order_id: id, return_id: missing.id } },
  );
}

/**
 * Requires that the order that replaces the goods of a return is not just being cancelled or changed.
 *
 * @param tx the transaction that prepares to book the goods, in which their order is locked
 * @param returned the return
 * @throws SoukError ORDER_BEING_CHANGED
 */
export async function requireSteady(
  tx: OrderTransaction,
  { exchange_order_id }: Pick<StoredReturn, "exchange_order_id">,
): Promise<void> {
  if (exchange_order_id === null) return;
  const { state, changing } = await tx.sql
    .selectFrom("orders")
    .select(["state", "changing"])
    .where("id", "=", exchange_order_id)
    .executeTakeFirstOrThrow();
  if (state === "CANCELLING" || changing !== null) throw beingChanged(exchange_order_id);
}
