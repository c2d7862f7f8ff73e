import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import { OrderAwaitsPaymentSchema, OrderConfirmedSchema } from "#gen/souk/order/v1/events_pb.ts";
import { takeOrderedLines, takeUsedCodes, touchCartById } from "../cart/cart-rows.ts";
import type { OrderTransaction } from "../database.ts";
import { moveKnownOrder, moveOrder } from "../move-order.ts";
import { toOrder } from "../order-message.ts";
import type { StoredOrder } from "../order-parts.ts";

/** For how long customers hear nothing of an order that waits for them, in ms; a third of the wait where that is less. */
const REMIND_AFTER_MS = 5 * 60_000;

/** Until when a customer can confirm a payment, and where. */
export type Confirmation = {
  /** "" where the payment provider has no page for it. */
  readonly confirmUri: string;
  /** In ms since the epoch. */
  readonly confirmUntil: number;
};

/**
 * Confirms an order whose stock and payment are certain: its lines leave the cart.
 *
 * @param tx the transaction that ends what made it certain
 * @param id the order
 * @param from the state that it is in
 * @param cartId the cart that it was made of; that one may be gone
 * @param known the order as this process stored it, so that it need not be read
 * @returns the order as it is then
 */
export async function confirmOrder(
  tx: OrderTransaction,
  id: string,
  from: "PENDING" | "AWAITING_PAYMENT",
  cartId: string,
  known?: StoredOrder,
): Promise<StoredOrder> {
  const [, order] = await Promise.all([
    touchCartById(tx.sql, cartId),
    known ? moveKnownOrder(tx, known, "CONFIRMED") : moveOrder(tx, id, from, "CONFIRMED"),
  ]);
  takeOrderedLines(tx, id);
  takeUsedCodes(tx, cartId, order.coupon_codes);
  tx.emit(OrderConfirmedSchema, {
    orderId: order.id,
    customerId: order.customer_id ?? "",
    email: order.email,
    order: toOrder(order),
  });
  return order;
}

/**
 * Lets an order wait for its customer to confirm the payment. Where the payment provider told of that already, it is
 * due at once.
 *
 * @param tx the transaction that ends placing it
 * @param id the order
 * @param confirmation until when, and where
 * @returns the order as it is then
 */
export async function awaitConfirmation(
  tx: OrderTransaction,
  id: string,
  { confirmUri, confirmUntil }: Confirmation,
): Promise<StoredOrder> {
  const until = new Date(confirmUntil);
  const waitMs = confirmUntil - Date.now();
  const remindAt = new Date(Date.now() + Math.min(REMIND_AFTER_MS, waitMs / 3));
  await tx.sql
    .updateTable("orders")
    .set({
      confirm_uri: confirmUri,
      confirm_until: sql<Date>`least(confirm_until, ${until})`,
      remind_at: remindAt,
    })
    .where("id", "=", id)
    .execute();
  const order = await moveOrder(tx, id, "PENDING", "AWAITING_PAYMENT");
  tx.emit(OrderAwaitsPaymentSchema, {
    orderId: order.id,
    customerId: order.customer_id ?? "",
    email: order.email,
    expireTime: timestampFromDate(until),
  });
  return order;
}
