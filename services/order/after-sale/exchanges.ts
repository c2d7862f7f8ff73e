import { beingChanged, lockOrder, requireOrder, storeChange } from "../change-order.ts";
import type { OrderSql, OrderTransaction } from "../database.ts";
import { formatMoney } from "../documents/format-money.ts";
import { ErrorReason, refuse } from "../errors.ts";
import { json } from "../json-column.ts";
import type { StoredOrder, StoredReturn } from "../order-parts.ts";
import { writeDown } from "../timeline.ts";
import type { StoredPayment } from "./after-sale.ts";
import { failRefund, lessenRefund, settleRefund } from "./book-refund.ts";
import { type Freeing, planFreeing, refusedRest, withoutRest } from "./order-payments.ts";
import { openPieces } from "./pieces.ts";
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
 * Finds the exchange whose goods are not back, so that what they pay is no money to give back yet. Both orders are
 * locked then, so that the goods cannot come back meanwhile.
 *
 * @param tx the transaction that prepares to send or to cancel the last of the order, locked
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
 * The payments of an order once the exchange is taken back that it was made for.
 *
 * @param payments the payments
 * @param exchange the exchange; null where none is taken back
 */
export function withoutExchange(
  payments: readonly StoredPayment[],
  exchange: OpenExchange | null,
): readonly StoredPayment[] {
  return exchange === null ? payments : payments.filter(({ exchanged }) => !exchanged);
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

/** The order that replaces goods that come back, and what is given back of its money with them. */
export type Replacement = { readonly orderId: string; readonly freeings: readonly Freeing[] };

/**
 * Finds the order that replaces the goods of a return. What they pay beyond what was sent of it is given back with
 * them, where all of it is sent or cancelled; where not, with the last of it.
 *
 * @param tx the transaction that prepares to book the goods, in which their order is locked
 * @param returned the return
 * @returns undefined where nothing replaces them
 * @throws SoukError ORDER_BEING_CHANGED while the last of it is sent or cancelled
 */
export async function findReplacement(
  tx: OrderTransaction,
  { exchange_order_id }: Pick<StoredReturn, "exchange_order_id">,
): Promise<Replacement | undefined> {
  if (exchange_order_id === null) return undefined;
  const order = await requireSteady(tx.sql, exchange_order_id);
  return { orderId: order.id, freeings: isOver(order) ? planFreeing(order, [], true) : [] };
}

/**
 * Books what was given back of the money of an order that replaces goods.
 *
 * @param tx the transaction
 * @param replacement what was to be given back
 * @param actorId the account that does it
 * @param kept payments of which that could not be
 */
export async function settleReplacement(
  tx: OrderTransaction,
  { orderId, freeings }: Replacement,
  actorId: string,
  kept: readonly string[] = [],
): Promise<void> {
  if (freeings.length === 0) return;
  await lockOrder(tx, orderId);
  const changed = await storeChange(tx, orderId, (order) => ({
    payments: json(withoutRest(order, freeings, kept)),
  }));
  noteRefusedRest(tx, changed, actorId);
}

/**
 * Writes down for staff what the provider refused to give back of an order of which nothing is left to send: nobody
 * else looks after it.
 *
 * @param tx the transaction
 * @param order the order as it is from now on
 * @param actorId the account that did what it was to be given back for
 */
export function noteRefusedRest(tx: OrderTransaction, order: StoredOrder, actorId: string): void {
  const rest = refusedRest(order);
  if (rest === 0n) return;
  const text = `The payment provider refused to give ${formatMoney(rest, order.currency)} back that goods were exchanged for; refund the order to give it another way`;
  writeDown(tx, { orderId: order.id, kind: "PAYMENT", text, actorId, visibleToCustomer: false });
}

/**
 * Gives up goods that were to come back for others, once all of these is sent or cancelled: they stay paid with what
 * was taken for them of the worth of the goods, and the rest of it is their order's again. Nothing goes to the customer.
 *
 * @param tx the transaction, in which the order that replaces them is locked, and then theirs
 * @param returned their return; nothing is done where nothing replaces them
 * @param actorId the account that does it
 * @throws SoukError RETURN_STATE_CONFLICT while something is left to send, or ORDER_BEING_CHANGED
 */
export async function giveUpGoods(
  tx: OrderTransaction,
  { id, state, order_id, refund_id, exchange_order_id }: StoredReturn,
  actorId: string,
): Promise<void> {
  if (exchange_order_id === null) return;
  const order = await requireSteady(tx.sql, exchange_order_id);
  if (!isOver(order)) {
    throw refuse(
      ErrorReason.RETURN_STATE_CONFLICT,
      `order ${order.id} replaces the goods of return ${id}; cancel what is not sent of it first`,
      { metadata: { return_id: id, state, exchange_order_id } },
    );
  }
  await settleReplacement(tx, { orderId: order.id, freeings: planFreeing(order, [], true) }, actorId);
  const refundId = refund_id as string;
  await lessenRefund(tx, refundId, (paymentId) => {
    const payment = order.payments.find((it) => it.exchanged && it.paymentId === paymentId);
    return BigInt(payment?.captured ?? 0n);
  });
  await settleRefund(tx, order_id, refundId, actorId);
}

/** An order that is not just being cancelled or changed. */
async function requireSteady(db: OrderSql, id: string): Promise<StoredOrder> {
  const order = await requireOrder(db, id);
  if (order.state === "CANCELLING" || order.changing !== null) throw beingChanged(id);
  return order;
}

/** Whether all of an order is sent or cancelled. */
function isOver({ lines }: StoredOrder): boolean {
  return lines.every((line) => openPieces(line) === 0n);
}
