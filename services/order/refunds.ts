import { sql } from "kysely";
import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import { OrderRefundedSchema } from "#gen/souk/order/v1/events_pb.ts";
import { type PaymentRefund, PaymentRefundState } from "#gen/souk/payment/v1/payment_pb.ts";
import { allocate } from "#kit/money.ts";
import { toRefund } from "./after-sale-message.ts";
import { requireOrder, storeChange } from "./change-order.ts";
import { draftCreditNote } from "./credit-note.ts";
import type { OrderTransaction } from "./database.ts";
import { ErrorReason, refuse } from "./errors.ts";
import { issueInvoice } from "./invoice.ts";
import { toOrder } from "./order-message.ts";
import type { StoredOrder, StoredOrderLine, StoredRefund } from "./order-parts.ts";
import { type Item, type Pieces, requirePieces, worthOf } from "./pieces.ts";
import { writeDown } from "./timeline.ts";

/** What a refund gives back for a line. */
interface RefundedPieces extends Pieces {
  /** In minor units. */
  readonly amount: bigint;
}

/** What a refund comes to. */
export interface RefundPlan {
  /** In minor units; lines and shipping included. */
  readonly amount: bigint;
  readonly lines: readonly RefundedPieces[];
  /** How much of it is for shipping. */
  readonly shipping: bigint;
}

/** What is asked to be given back. */
export interface RefundWish {
  /** For which lines; for the order as a whole when empty. */
  readonly items: readonly Item[];
  /** Whether to give back what shipping cost, too. */
  readonly withShipping: boolean;
  /** How much, where that is not what they cost. */
  readonly amount: Money | undefined;
  /** Whether to give back what is left where that is less, and nothing for what cost nothing. */
  readonly isCapped?: boolean;
}

/**
 * Reckons what a refund comes to.
 *
 * @param order the order, locked
 * @param wish what is asked to be given back
 * @throws SoukError LINE_NOT_FOUND, QUANTITY_EXCEEDED, CURRENCY_MISMATCH or REFUND_EXCEEDED
 */
export function planRefund(
  order: StoredOrder,
  { items, withShipping, amount, isCapped = false }: RefundWish,
): RefundPlan {
  requireCurrency(order, amount);
  const left = leftToRefund(order);
  const shipping =
    withShipping && !order.shipping_refunded && order.captured > 0n ? order.shipping_total : 0n;
  const pieces = items.length === 0 ? [] : requirePieces(order, items, refundable);
  const costs = pieces.map((each) => costOf(each));
  const cost = costs.reduce((sum, it) => sum + it, shipping);
  const isWhole = pieces.length === 0 && !withShipping;
  const wished = amount?.minor ?? (isWhole ? left : cost);
  const asked = isCapped && wished > left ? left : wished;
  const least = isCapped ? 0n : 1n;
  if (asked < least || asked > left || (pieces.length > 0 && asked > cost)) {
    throw exceeded(order, asked, pieces.length > 0 && cost < left ? cost : left);
  }
  const forShipping = asked < shipping ? asked : shipping;
  const forLines = divide(asked - forShipping, costs);
  const lines = pieces.map((each, index) => ({ ...each, amount: forLines[index] ?? 0n }));
  return { amount: asked, lines, shipping: forShipping };
}

/**
 * How many pieces of a line were sent for which no money was given back.
 *
 * @param line the line
 */
export function refundable({ shipped, refunded }: StoredOrderLine): bigint {
  return shipped - refunded;
}

/**
 * How much of what was taken is neither given back nor being so, in minor units.
 *
 * @param order the order
 */
export function leftToRefund({ captured, refunded, refunding }: StoredOrder): bigint {
  return captured - refunded - refunding;
}

/** Divides what is given back over lines by what they cost; nothing where they cost nothing. */
function divide(amount: bigint, costs: readonly bigint[]): bigint[] {
  return costs.some((cost) => cost > 0n) ? allocate(amount, costs) : costs.map(() => 0n);
}

/** What pieces of a line cost, less what was given back for it over and above the pieces before. */
function costOf({ line, count }: Pieces): bigint {
  const cost = worthOf(line, line.refunded + count) - line.refunded_amount;
  return cost < 0n ? 0n : cost;
}

/**
 * Stores a refund that is under way with the end of a transaction; the order keeps room for it.
 *
 * @param tx the transaction
 * @param order the order, locked
 * @param refund what it comes to, its id, and how it is given back
 */
export function beginRefund(
  tx: OrderTransaction,
  order: StoredOrder,
  refund: RefundPlan & { readonly id: string; readonly toStoreCredit: boolean; readonly reason: string },
): void {
  const { id, amount, lines, shipping, toStoreCredit, reason } = refund;
  const stored = lines.map((it) => ({
    lineId: it.line.id,
    quantity: String(it.count),
    amount: String(it.amount),
  }));
  tx.finishWith(
    tx.sql
      .insertInto("refund")
      .values({
        id,
        order_id: order.id,
        state: "PENDING",
        amount,
        lines: sql`${JSON.stringify(stored)}`,
        shipping,
        to_store_credit: toStoreCredit,
        reason,
      })
      .compile(),
  );
  for (const it of lines) {
    tx.finishWith(
      tx.sql
        .updateTable("order_line")
        .set({
          refunded: it.line.refunded + it.count,
          refunded_amount: it.line.refunded_amount + it.amount,
        })
        .where("id", "=", it.line.id)
        .compile(),
    );
  }
  tx.finishWith(
    tx.sql
      .updateTable("orders")
      .set({
        refunding: order.refunding + amount,
        shipping_refunded: order.shipping_refunded || shipping > 0n,
      })
      .where("id", "=", order.id)
      .compile(),
  );
}

/**
 * Requires that money is on its way to the customer.
 *
 * @param refund as payment told it
 * @throws SoukError REFUND_REFUSED when the provider refused
 * @throws Error while the provider has not decided
 */
export function requireRefunded(refund: PaymentRefund | undefined): void {
  if (refund?.state === PaymentRefundState.SUCCEEDED) return;
  if (refund?.state !== PaymentRefundState.FAILED)
    throw new Error("the payment provider has not decided on the refund yet");
  throw refuse(
    ErrorReason.REFUND_REFUSED,
    `the payment provider refused the refund: ${refund.failureReason || "it did not say why"}`,
    { metadata: { failure_reason: refund.failureReason } },
  );
}

/**
 * Books a refund whose money is on its way: with its credit note, its entry in the timeline and the event.
 *
 * @param tx the transaction
 * @param orderId the order, locked
 * @param refundId the refund
 * @param actorId the account that did it
 * @returns the order as it is then
 */
export async function settleRefund(
  tx: OrderTransaction,
  orderId: string,
  refundId: string,
  actorId: string,
): Promise<StoredOrder> {
  const refund = await endRefund(tx, refundId, "SUCCEEDED");
  const before = await requireOrder(tx.sql, orderId);
  await issueInvoice(tx, orderId, draftCreditNote(before, refund));
  const order = await storeChange(tx, orderId, ({ refunding, refunded }) => ({
    refunding: refunding - refund.amount,
    refunded: refunded + refund.amount,
  }));
  writeDown(tx, {
    orderId,
    kind: "REFUNDED",
    text: refund.to_store_credit ? "Store credit was given" : "Money was given back",
    actorId,
    referenceId: refundId,
  });
  tx.emit(OrderRefundedSchema, {
    orderId,
    customerId: order.customer_id ?? "",
    email: order.email,
    refund: toRefund(refund, order.currency),
    order: toOrder(order),
  });
  return order;
}

/**
 * Books that a refund failed: what the order kept for it is free again.
 *
 * @param tx the transaction
 * @param orderId the order, locked
 * @param refundId the refund
 */
export async function failRefund(tx: OrderTransaction, orderId: string, refundId: string): Promise<void> {
  const refund = await endRefund(tx, refundId, "FAILED");
  await Promise.all(
    refund.lines.map(({ lineId, quantity, amount }) =>
      tx.sql
        .updateTable("order_line")
        .set({
          refunded: sql<bigint>`refunded - ${quantity}::bigint`,
          refunded_amount: sql<bigint>`refunded_amount - ${amount}::bigint`,
        })
        .where("id", "=", lineId)
        .execute(),
    ),
  );
  await storeChange(tx, orderId, ({ refunding, shipping_refunded }) => ({
    refunding: refunding - refund.amount,
    shipping_refunded: shipping_refunded && refund.shipping === 0n,
  }));
}

async function endRefund(
  tx: OrderTransaction,
  id: string,
  state: "SUCCEEDED" | "FAILED",
): Promise<StoredRefund> {
  return tx.sql
    .updateTable("refund")
    .set({ state })
    .where("id", "=", id)
    .where("state", "=", "PENDING")
    .returningAll()
    .executeTakeFirstOrThrow();
}

function requireCurrency({ id, currency }: StoredOrder, amount: Money | undefined): void {
  if (amount === undefined || amount.currency === currency) return;
  const description = `must be in ${currency}, the currency of the order`;
  throw refuse(
    ErrorReason.CURRENCY_MISMATCH,
    `order ${id} was paid in ${currency}, not in ${amount.currency}`,
    {
      violations: [{ field: "amount.currency", description }],
    },
  );
}

function exceeded({ id, currency }: StoredOrder, asked: bigint, left: bigint) {
  const message =
    asked <= 0n || left === 0n
      ? `nothing is left to give back for this of order ${id}`
      : `${asked} ${currency} in minor units cannot be given back for this; ${left} can`;
  return refuse(ErrorReason.REFUND_EXCEEDED, message, {
    metadata: { order_id: id, left_minor: String(left), asked_minor: String(asked), currency },
  });
}
