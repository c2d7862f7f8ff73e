import { sql } from "kysely";
import type { OrderSql } from "../database.ts";

/** After so long what was sent counts as delivered: not every shop is told of each parcel that arrives. */
const ARRIVED = "30 days";

/** Whether something is still to be done with an order, as a condition on its row. */
export const IS_OPEN = sql<boolean>`(
  orders.state in ('PENDING', 'AWAITING_PAYMENT', 'CONFIRMED', 'CANCELLING', 'PARTIALLY_SHIPPED')
  or orders.state = 'SHIPPED' and orders.update_time > now() - ${sql.lit(ARRIVED)}::interval
  or orders.changing is not null or orders.refunding > 0
  or exists (select from jsonb_array_elements(orders.payments) paid
    where paid -> 'restRefused' = 'true' and paid -> 'amount' <> paid -> 'captured')
  or exists (select from order_return back where back.order_id = orders.id
    and back.state in ('REQUESTED', 'APPROVED', 'RECEIVING')))`;

/**
 * The orders of a customer in which something is still to be done.
 *
 * @param db where to read
 * @param customerId whose
 */
export async function countOpenOrders(
  db: OrderSql,
  customerId: string,
): Promise<{ readonly count: bigint; readonly newestNumber: string }> {
  const { count, newest } = await db
    .selectFrom("orders")
    .select((it) => [
      it.fn.countAll<bigint>().as("count"),
      sql<string | null>`(array_agg(number order by id desc))[1]`.as("newest"),
    ])
    .where("customer_id", "=", customerId)
    .where(IS_OPEN)
    .executeTakeFirstOrThrow();
  return { count, newestNumber: newest ?? "" };
}
