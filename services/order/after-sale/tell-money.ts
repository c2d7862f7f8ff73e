import type { OrderTransaction } from "../database.ts";
import { formatMoney } from "../documents/format-money.ts";
import type { StoredOrder } from "../order-parts.ts";
import { writeDown } from "../timeline.ts";
import type { Freeing, Taking } from "./order-payments.ts";

/** Whose money it is, and who moved it: the account, or "" for the shop on its own. */
type Moved = Pick<StoredOrder, "id" | "currency"> & { readonly actorId: string };

/**
 * Writes down that money was set aside in addition, under the payment.
 *
 * @param tx the transaction in which it became the order's
 * @param moved the order, and who did it
 * @param paymentId the payment
 * @param amount in minor units; nothing is written down of 0
 */
export function tellSetAside(tx: OrderTransaction, moved: Moved, paymentId: string, amount: bigint): void {
  if (amount > 0n)
    tellPayment(tx, moved, paymentId, `${formatMoney(amount, moved.currency)} more was set aside`);
}

/**
 * Writes down what was taken, payment by payment. What was taken before for goods that came back is none of it.
 *
 * @param tx the transaction in which it became true of the order
 * @param moved the order, and who did it
 * @param takings what was taken
 */
export function tellTaken(tx: OrderTransaction, moved: Moved, takings: readonly Taking[]): void {
  for (const { paymentId, amount, exchanged } of takings) {
    if (!exchanged) tellPayment(tx, moved, paymentId, `${formatMoney(amount, moved.currency)} was taken`);
  }
}

/**
 * Writes down what was set free of payments, and what was given back of those that goods were exchanged for.
 *
 * @param tx the transaction in which it became true of the order
 * @param moved the order, and who did it
 * @param freeings what was to be set free
 * @param kept payments of which that could not be
 */
export function tellFreed(
  tx: OrderTransaction,
  moved: Moved,
  freeings: readonly Freeing[],
  kept: readonly string[] = [],
): void {
  for (const { paymentId, amount, exchanged } of freeings.filter((it) => !kept.includes(it.paymentId))) {
    const done = exchanged ? "was given back" : "was set free";
    tellPayment(tx, moved, paymentId, `${formatMoney(amount, moved.currency)} ${done}`);
  }
}

/**
 * Writes down that the payment of an order was given up that its customer had to confirm.
 *
 * @param tx the transaction in which it became true of the order
 * @param id the order, and its payment
 * @param actorId the account that did it; "" for the shop on its own
 */
export function tellGivenUp(tx: OrderTransaction, id: string, actorId: string): void {
  tellPayment(tx, { id, actorId }, id, "The payment was given up, and nothing was taken");
}

function tellPayment(
  tx: OrderTransaction,
  { id: orderId, actorId }: Pick<Moved, "id" | "actorId">,
  referenceId: string,
  text: string,
): void {
  writeDown(tx, { orderId, kind: "PAYMENT", text, actorId, referenceId });
}
