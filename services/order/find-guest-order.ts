import { hashOf, newToken } from "./cart/shopper.ts";
import type { OrderTransaction } from "./database.ts";
import { ErrorReason, refuse } from "./errors.ts";
import { type StoredOrder, withParts } from "./order-parts.ts";

/** What a guest knows of an order. */
export interface GuestKnowledge {
  readonly number: string;
  readonly email: string;
}

/**
 * Finds the order of a guest, who is given a token for it; one of before from here counts no longer. Whether it is the
 * number or the address that is wrong is not told, nor by how long it takes: one statement looks for both.
 *
 * @param tx the transaction
 * @param knowledge the number of the order and the e-mail address that it was placed with
 * @throws SoukError ORDER_NOT_FOUND
 */
export async function findGuestOrder(
  tx: OrderTransaction,
  { number, email }: GuestKnowledge,
): Promise<{ order: StoredOrder; orderToken: string }> {
  const orderToken = newToken();
  const row = await tx.sql
    .updateTable("orders")
    .set({ found_token_hash: hashOf(orderToken) })
    .where("number", "=", number.trim().toUpperCase())
    .where((where) => where(where.fn<string>("lower", ["email"]), "=", email.toLowerCase()))
    .where("customer_id", "is", null)
    .returningAll()
    .executeTakeFirst();
  const [order] = await withParts(tx.sql, row === undefined ? [] : [row]);
  if (order !== undefined) return { order, orderToken };
  throw refuse(
    ErrorReason.ORDER_NOT_FOUND,
    "no order of a guest has this number and this e-mail address; look at both in the confirmation that you were mailed",
  );
}
