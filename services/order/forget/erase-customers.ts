import { sql } from "kysely";
import type { UserDeleted } from "#gen/souk/user/v1/events_pb.ts";
import type { Scope } from "#kit/scope.ts";
import type { OrderDatabase, OrderTransaction } from "../database.ts";
import { IS_OPEN } from "./open-orders.ts";

/** How many orders one transaction erases. */
const AT_ONCE = 500;
/** How long something of a customer may come to light that was on its way when the customer was deleted. */
const REMEMBERED = "1 hour";
/** A list, so that the tables that are searched for them are never read whole. */
const FORGOTTEN = sql`any (array(select customer_id from forgotten_customer))`;

/**
 * Remembers that a customer was deleted; the erasing is a job, for it may take many orders, and some end later.
 *
 * @param tx the transaction of the event
 */
export async function noteForgotten({ userId }: UserDeleted, tx: OrderTransaction): Promise<void> {
  await tx.sql
    .insertInto("forgotten_customer")
    .values({ customer_id: userId })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/**
 * Erases the carts and groups of customers who were deleted, and what of their orders need not be kept. An order in
 * which something is still to be done waits until it ends.
 *
 * @param db order's database
 * @param scope the run
 */
export async function eraseCustomers(db: OrderDatabase, scope: Scope): Promise<void> {
  const { rows } = await db.pool.run("select from forgotten_customer limit 1");
  if (rows.length === 0) return;
  await db.write(scope, eraseShopper);
  while (!scope.signal.aborted && (await db.write(scope, eraseOrders)) === AT_ONCE);
  await db.write(scope, leaveAlone);
}

async function eraseShopper(tx: OrderTransaction): Promise<void> {
  await sql`delete from customer_groups where customer_id = ${FORGOTTEN}`.execute(tx.sql);
  await sql`delete from cart where customer_id = ${FORGOTTEN}
    and not exists (select from orders where orders.cart_id = cart.id and state in ('PENDING', 'AWAITING_PAYMENT'))`.execute(
    tx.sql,
  );
}

/**
 * An order without an e-mail address is one that was erased. The invoice is printed with the address that it goes to,
 * so of an order that has one, that address stays.
 */
async function eraseOrders(tx: OrderTransaction): Promise<number> {
  const { rows } = await sql<{ id: string }>`
    with ended as (
      select orders.id, exists (select from invoice where order_id = orders.id) as invoiced
      from orders
      where customer_id = ${FORGOTTEN} and email <> '' and not ${IS_OPEN}
      order by orders.id limit ${AT_ONCE} for update skip locked)
    update orders set
      email = '',
      shipping_address = case when invoiced and billing_address is null then ${lettered("shipping_address")}
        else ${placed("shipping_address")} end,
      billing_address = case when invoiced then ${lettered("billing_address")} end,
      vat_id = case when invoiced then vat_id else '' end,
      cancel_reason = '',
      confirm_uri = null,
      version = version + 1
    from ended where orders.id = ended.id
    returning orders.id`.execute(tx.sql);
  const ids = rows.map(({ id }) => id);
  if (ids.length > 0) {
    await sql`update order_line set note = '' where order_id = any (${ids}) and note <> ''`.execute(tx.sql);
    await sql`update shipment set tracking_number = '', tracking_uri = '' where order_id = any (${ids})`.execute(
      tx.sql,
    );
    await sql`update order_return set note = '', instructions = '', reject_reason = ''
      where order_id = any (${ids})`.execute(tx.sql);
    await sql`delete from order_timeline where order_id = any (${ids}) and kind = 'NOTE'`.execute(tx.sql);
  }
  return ids.length;
}

/** An address without what a letter does not need. */
function lettered(column: "shipping_address" | "billing_address") {
  return sql`${sql.ref(column)} - 'phone'`;
}

/** What of an address decides about taxes. */
function placed(column: "shipping_address") {
  return sql`jsonb_strip_nulls(jsonb_build_object(
    'countryCode', ${sql.ref(column)} -> 'countryCode', 'region', ${sql.ref(column)} -> 'region'))`;
}

/** Forgets customers of whom nothing is left, and nothing can come any more. */
async function leaveAlone(tx: OrderTransaction): Promise<void> {
  await sql`delete from forgotten_customer f where forget_time < now() - ${sql.lit(REMEMBERED)}::interval
    and not exists (select from orders where customer_id = f.customer_id and email <> '')
    and not exists (select from cart where customer_id = f.customer_id)`.execute(tx.sql);
}
