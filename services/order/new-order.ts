import type { StoredPayment } from "./after-sale/after-sale.ts";
import type { OrderTransaction } from "./database.ts";
import { json } from "./json-column.ts";
import { NOTHING_SENT, type OrderRow, type StoredOrder, type StoredOrderLine } from "./order-parts.ts";
import { writeDown } from "./timeline.ts";

/** What becomes of an order and of its lines later. */
type Later =
  | "state"
  | "payments"
  | "cancel_reason"
  | "confirm_uri"
  | "confirm_until"
  | "remind_at"
  | "changing"
  | "back_ordered"
  | "stock_version"
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
  back_ordered: [],
  stock_version: 0,
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
