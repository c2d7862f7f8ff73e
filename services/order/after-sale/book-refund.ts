import { sql } from "kysely";
import { OrderRefundedSchema } from "#gen/souk/order/v1/events_pb.ts";
import { requireOrder, storeChange } from "../change-order.ts";
import type { OrderTransaction } from "../database.ts";
import { draftCreditNote } from "../documents/credit-note.ts";
import { issueInvoice } from "../documents/invoice.ts";
import { json } from "../json-column.ts";
import { toOrder } from "../order-message.ts";
import type { StoredOrder, StoredRefund } from "../order-parts.ts";
import { add } from "../pricing/rates.ts";
import { writeDown } from "../timeline.ts";
import type { StoredShare } from "./after-sale.ts";
import { toRefund } from "./after-sale-message.ts";
import { planGivingBack, type Share, withRefunded } from "./order-payments.ts";
import { divide, type RefundPlan } from "./refunds.ts";

/** A refund to begin. */
export interface NewRefund extends RefundPlan {
  readonly id: string;
  readonly toStoreCredit?: boolean;
  readonly reason?: string;
  /** The order that it pays for; the customer gets it when left out. */
  readonly exchangeOrderId?: string;
}

/**
 * Stores a refund that is under way with the end of a transaction; the order keeps room for it.
 *
 * @param tx the transaction
 * @param order the order, locked
 * @param refund what it comes to, its id, and how it is given back
 * @returns what goes back of which payment
 */
export function beginRefund(tx: OrderTransaction, order: StoredOrder, refund: NewRefund): Share[] {
  const { id, amount, lines, shipping, rest = 0n } = refund;
  const { toStoreCredit = false, reason = "", exchangeOrderId = null } = refund;
  const shares = planGivingBack(order, amount, id, rest);
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
        lines: json(stored),
        shipping,
        to_store_credit: toStoreCredit,
        reason,
        shares: json(shares.map(toStoredShare)),
        exchange_order_id: exchangeOrderId,
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
        refunding: order.refunding + amount - rest,
        payments: json(withRefunded(order, shares)),
        shipping_refunded: order.shipping_refunded || shipping > 0n,
      })
      .where("id", "=", order.id)
      .compile(),
  );
  return shares;
}

/**
 * Books a refund whose money is on its way: with its credit note, its entry in the timeline and the event.
 *
 * @param tx the transaction
 * @param orderId the order, locked
 * @param refundId the refund
 * @param actorId the account that did it
 * @param given of how many payments money goes back; of all that it is spread over when left out
 * @returns the order as it is then
 */
export async function settleRefund(
  tx: OrderTransaction,
  orderId: string,
  refundId: string,
  actorId: string,
  given?: number,
): Promise<StoredOrder> {
  const ended = await endRefund(tx, refundId, "SUCCEEDED");
  const refund = await shorten(tx, ended, ended.shares.slice(0, given));
  const before = await requireOrder(tx.sql, orderId);
  // Goods that were free are exchanged, too.
  const amount = takenIn(refund);
  if (amount > 0n) await issueInvoice(tx, orderId, draftCreditNote(before, { ...refund, amount }));
  const order = await storeChange(tx, orderId, ({ refunding, refunded }) => ({
    refunding: refunding - amount,
    refunded: refunded + amount,
  }));
  if (refund.exchange_order_id !== null) {
    const text = "What the goods cost went to the order that replaces them";
    writeDown(tx, { orderId, kind: "EXCHANGED", text, actorId, referenceId: refundId });
    return order;
  }
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
 * Books that a refund failed: what the order kept for it is free again. Nothing stays of what was to pay for an order
 * that replaces goods.
 *
 * @param tx the transaction
 * @param orderId the order, locked
 * @param refundId the refund
 */
export async function failRefund(tx: OrderTransaction, orderId: string, refundId: string): Promise<void> {
  const refund = await endRefund(tx, refundId, "FAILED");
  await takeFromLines(tx, refund.lines);
  if (refund.exchange_order_id !== null)
    await tx.sql.deleteFrom("refund").where("id", "=", refundId).execute();
  await storeChange(tx, orderId, (order) => ({
    refunding: order.refunding - takenIn(refund),
    shipping_refunded: order.shipping_refunded && refund.shipping === 0n,
    payments: json(withRefunded(order, refund.shares.map(toShare).map(takenBack))),
  }));
}

/**
 * Lessens a refund that is under way to what is needed of it.
 *
 * @param tx the transaction, in which its order is locked
 * @param refundId the refund
 * @param neededOf how much is needed of a payment, in minor units
 */
export async function lessenRefund(
  tx: OrderTransaction,
  refundId: string,
  neededOf: (paymentId: string) => bigint,
): Promise<void> {
  const refund = await tx.sql
    .selectFrom("refund")
    .selectAll()
    .where("id", "=", refundId)
    .where("state", "=", "PENDING")
    .executeTakeFirstOrThrow();
  const shares = refund.shares.map((share) => ({ ...share, amount: String(neededOf(share.paymentId)) }));
  await shorten(
    tx,
    refund,
    shares.filter(({ amount }) => BigInt(amount) > 0n),
  );
}

/**
 * What is not given back after all, as what the provider refused to of the later of several payments, makes the refund
 * come to less, for its lines in proportion. The pieces count as given back for; what is left can be given back another
 * way.
 */
async function shorten(
  tx: OrderTransaction,
  refund: StoredRefund,
  shares: readonly StoredShare[],
): Promise<StoredRefund> {
  const given = new Map(shares.map((share) => [share.paymentId, share]));
  const amount = add(shares.map((share) => BigInt(share.amount)));
  if (amount === refund.amount) return refund;
  const left = refund.shares.map(({ paymentId, amount: planned, rest = "0" }) => {
    const gives = given.get(paymentId);
    return {
      paymentId,
      amount: BigInt(planned) - BigInt(gives?.amount ?? 0n),
      rest: BigInt(rest) - BigInt(gives?.rest ?? 0n),
    };
  });
  const shipping = amount < refund.shipping ? amount : refund.shipping;
  const before = refund.lines.map((line) => BigInt(line.amount));
  const forLines = divide(amount - shipping, before);
  const lines = refund.lines.map((line, index) => ({ ...line, amount: String(forLines[index]) }));
  const less = refund.lines.map((line, index) => ({
    lineId: line.lineId,
    quantity: "0",
    amount: String(BigInt(line.amount) - (forLines[index] ?? 0n)),
  }));
  await takeFromLines(tx, less);
  await storeChange(tx, refund.order_id, (order) => ({
    refunding: order.refunding - add(left.map((share) => share.amount - share.rest)),
    payments: json(withRefunded(order, left.map(takenBack))),
  }));
  return tx.sql
    .updateTable("refund")
    .set({ amount, shipping, lines: json(lines), shares: json(shares) })
    .where("id", "=", refund.id)
    .returningAll()
    .executeTakeFirstOrThrow();
}

async function takeFromLines(tx: OrderTransaction, lines: StoredRefund["lines"]): Promise<void> {
  await Promise.all(
    lines.map(({ lineId, quantity, amount }) =>
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
}

/** What a refund gives back of what was taken; the rest of an exchange was not taken for what was sent. */
function takenIn({ amount, shares }: StoredRefund): bigint {
  return amount - add(shares.map(({ rest = "0" }) => BigInt(rest)));
}

function toStoredShare({ amount, rest = 0n, ...share }: Share): StoredShare {
  return { ...share, amount: String(amount), ...(rest > 0n && { rest: String(rest) }) };
}

function toShare({ amount, rest = "0", ...share }: StoredShare) {
  return { ...share, amount: BigInt(amount), rest: BigInt(rest) };
}

function takenBack({ paymentId, amount, rest }: Omit<ReturnType<typeof toShare>, "movementId">) {
  return { paymentId, amount: -amount, rest: -rest };
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
