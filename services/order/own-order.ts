import type { Scope } from "#kit/scope.ts";
import { hashOf, type Owner } from "./cart/shopper.ts";
import { lockRow } from "./change-order.ts";
import type { OrderSql, OrderTransaction } from "./database.ts";
import { ErrorReason, refuse } from "./errors.ts";
import { type OrderRow, type StoredOrder, withParts } from "./order-parts.ts";

/**
 * Who asks for an order: whoever has the token of a guest's, or else the customer who is signed in.
 *
 * @param scope the call
 * @param orderToken what shows that a guest's order is theirs; "" for a customer's
 * @throws SoukError ORDER_NOT_FOUND when nobody is signed in and no token is sent
 */
export function askerOf({ principal }: Scope, orderToken: string): Owner {
  if (orderToken !== "") return { tokenHash: hashOf(orderToken) };
  if (principal.kind === "user" && !principal.machine) return { customerId: principal.id };
  throw refuse(
    ErrorReason.ORDER_NOT_FOUND,
    "it is not said whose order: sign in, or send order_token, the token of a guest's order",
  );
}

/**
 * An order of who asks for it.
 *
 * @param db where to read
 * @param id the order
 * @param asker whose it must be
 * @throws SoukError ORDER_NOT_FOUND also when it is somebody else's
 */
export async function requireOwnOrder(db: OrderSql, id: string, asker: Owner): Promise<StoredOrder> {
  const row = await db.selectFrom("orders").selectAll().where("id", "=", id).executeTakeFirst();
  return ownOf(db, row, id, asker);
}

/**
 * An order of who asks for it, which nobody else changes until the transaction ends.
 *
 * @param tx the transaction
 * @param id the order
 * @param asker whose it must be
 * @throws SoukError ORDER_NOT_FOUND also when it is somebody else's
 */
export async function lockOwnOrder(tx: OrderTransaction, id: string, asker: Owner): Promise<StoredOrder> {
  return ownOf(tx.sql, await lockRow(tx, id), id, asker);
}

/**
 * Whether an order is that of who asks for it.
 *
 * @param order the order
 * @param asker who asks
 */
export function isOf(
  order: Pick<OrderRow, "customer_id" | "order_token_hash" | "found_token_hash">,
  asker: Owner,
): boolean {
  if ("customerId" in asker) return order.customer_id === asker.customerId;
  return [order.order_token_hash, order.found_token_hash].includes(asker.tokenHash);
}

/** Who asks for somebody else's order learns neither from the words nor by how long it takes whether it is there. */
async function ownOf(
  db: OrderSql,
  row: OrderRow | undefined,
  id: string,
  asker: Owner,
): Promise<StoredOrder> {
  if (row === undefined || !isOf(row, asker)) {
    throw refuse(
      ErrorReason.ORDER_NOT_FOUND,
      "customerId" in asker
        ? `you have no order ${id}; list your orders to see which there are`
        : `the token is not that of order ${id}; find the order by its number`,
    );
  }
  const [order] = await withParts(db, [row]);
  return order as StoredOrder;
}
