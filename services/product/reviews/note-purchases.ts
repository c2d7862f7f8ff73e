import { sql } from "kysely";
import type { OrderShipped } from "#gen/souk/order/v1/events_pb.ts";
import type { ProductTransaction } from "../database.ts";

/**
 * Notes which products a customer bought, when they are sent: what is only ordered can still be cancelled. Reviews that
 * were written before are verified by it as well.
 *
 * @param shipped what order told of it; guests have no account to review with, nor has who left
 * @param tx the transaction of the event
 */
export async function notePurchases(
  { customerId, shipmentId, order }: OrderShipped,
  tx: ProductTransaction,
): Promise<void> {
  const shipment = order?.shipments.find(({ id }) => id === shipmentId);
  if (customerId === "" || order === undefined || shipment === undefined) return;
  const sent = new Set(shipment.lines.map(({ lineId }) => lineId));
  const variantIds = order.lines.filter(({ id }) => sent.has(id)).map(({ variantId }) => variantId);
  await sql`
    insert into purchase (customer_id, product_id)
    select distinct ${customerId}::uuid, product_id from variant
    where id = any (${variantIds}::uuid[])
      and not exists (select from forgotten_author where user_id = ${customerId}::uuid)
    order by product_id
    on conflict do nothing
  `.execute(tx.sql);
}
