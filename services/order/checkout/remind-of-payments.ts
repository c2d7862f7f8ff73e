import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import { OrderKeptWaitingSchema } from "#gen/souk/order/v1/events_pb.ts";
import type { Scope } from "#kit/scope.ts";
import type { OrderDatabase } from "../database.ts";
import { toOrder } from "../order-message.ts";
import { type OrderRow, withParts } from "../order-parts.ts";
import { writeDown } from "../timeline.ts";

/** How many orders one transaction tells of. */
const BATCH = 100;

/**
 * Tells of each order that has been waiting for a while for its customer, once. Who confirmed, gave up or is just
 * about to is not reminded: it is told with the order locked, of what waits then.
 *
 * @param db order's database
 * @param scope the run
 */
export async function remindOfPayments(db: OrderDatabase, scope: Scope): Promise<void> {
  while ((await remindBatch(db, scope)) === BATCH) scope.signal.throwIfAborted();
}

function remindBatch(db: OrderDatabase, scope: Scope): Promise<number> {
  return db.write(scope, async (tx) => {
    const { rows } = await sql<OrderRow>`
      update orders set remind_at = null where id in (
        select id from orders
        where state = 'AWAITING_PAYMENT' and changing is null and remind_at <= now() and confirm_until > now()
        order by remind_at limit ${BATCH} for update skip locked)
      returning *`.execute(tx.sql);
    for (const order of await withParts(tx.sql, rows)) {
      tx.emit(OrderKeptWaitingSchema, {
        orderId: order.id,
        customerId: order.customer_id ?? "",
        email: order.email,
        confirmUri: order.confirm_uri ?? "",
        ...(order.confirm_until && { expireTime: timestampFromDate(order.confirm_until) }),
        order: toOrder(order),
      });
      const text = "The customer was reminded to confirm the payment";
      writeDown(tx, { orderId: order.id, kind: "PAYMENT", text, actorId: "" });
    }
    return rows.length;
  });
}
