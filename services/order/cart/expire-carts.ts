import { sql } from "kysely";
import { uuidBefore } from "#kit/data/uuid-before.ts";
import type { Scope } from "#kit/scope.ts";
import type { OrderDatabase } from "../database.ts";

/** How many carts one statement removes. */
const AT_ONCE = 1_000;

/**
 * Removes carts that nobody has changed for too long, unless they are being ordered.
 *
 * @param db order's database
 * @param scope the run
 * @param afterMs how long is too long, in ms
 */
export async function expireCarts(db: OrderDatabase, scope: Scope, afterMs: number): Promise<void> {
  // Ids tell the time, so that younger carts need not be looked at.
  const made = uuidBefore(Date.now() - afterMs);
  const expiring = sql<{ id: string }>`
    delete from cart where id in (
      select id from cart
      where id < ${made} and update_time < now() - ${afterMs} * interval '1 millisecond'
        and not exists (select from orders where orders.cart_id = cart.id and state in ('PENDING', 'AWAITING_PAYMENT'))
      order by id limit ${AT_ONCE} for update skip locked)
    returning id`.compile(db.sql);
  while (!scope.signal.aborted && (await db.change(scope, expiring)).length === AT_ONCE);
}
