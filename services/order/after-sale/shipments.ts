import { sql } from "kysely";
import { OrderDeliveredSchema } from "#gen/souk/order/v1/events_pb.ts";
import { MeshReason, refuseMesh } from "#kit/error.ts";
import type { Scope } from "#kit/scope.ts";
import { lockOrder, requireEtag, requireOrder, storeChange } from "../change-order.ts";
import type { OrderSql, OrderTransaction } from "../database.ts";
import { ErrorReason, refuse } from "../errors.ts";
import { toOrder } from "../order-message.ts";
import type { StoredOrder, StoredShipment } from "../order-parts.ts";
import { actorOf, writeDown } from "../timeline.ts";

/** How far the clock of who calls may be ahead of ours, in ms. */
const CLOCKS_DIFFER_MS = 60_000;

/** What of a shipment may change: what carriers tell of it. */
export type Tracking = Partial<Pick<StoredShipment, "carrier" | "tracking_number" | "tracking_uri">>;

/** A shipment with its order. */
export interface ShipmentOfOrder {
  readonly order: StoredOrder;
  readonly shipment: StoredShipment;
}

/**
 * A shipment with its order.
 *
 * @param db where to read
 * @param id the shipment
 * @param readOrder reads its order
 * @throws SoukError SHIPMENT_NOT_FOUND
 */
export async function requireShipment(
  db: OrderSql,
  id: string,
  readOrder: (orderId: string) => Promise<StoredOrder> = (orderId) => requireOrder(db, orderId),
): Promise<ShipmentOfOrder> {
  const found = await db.selectFrom("shipment").select("order_id").where("id", "=", id).executeTakeFirst();
  const order = found && (await readOrder(found.order_id));
  const shipment = order?.shipments.find((each) => each.id === id);
  if (order !== undefined && shipment !== undefined) return { order, shipment };
  throw refuse(
    ErrorReason.SHIPMENT_NOT_FOUND,
    `there is no shipment ${id}; read the order to see its shipments`,
  );
}

/**
 * Changes what carriers tell of a shipment.
 *
 * @param tx the transaction
 * @param scope the call
 * @param id the shipment
 * @param tracking what changes
 * @param etag as the caller knows the shipment; "" where that does not matter
 * @returns the shipment with its order as they are then
 * @throws SoukError SHIPMENT_NOT_FOUND or ETAG_MISMATCH
 */
export async function updateShipment(
  tx: OrderTransaction,
  scope: Scope,
  id: string,
  tracking: Tracking,
  etag: string,
): Promise<ShipmentOfOrder> {
  const { order, shipment } = await requireShipment(tx.sql, id, (orderId) => lockOrder(tx, orderId));
  requireEtag("shipment", shipment, etag);
  await tx.sql
    .updateTable("shipment")
    .set({ ...tracking, version: sql<number>`version + 1` })
    .where("id", "=", id)
    .execute();
  const changed = await storeChange(tx, order.id);
  writeDown(tx, {
    orderId: order.id,
    kind: "SHIPPED",
    text: "What the carrier tells of a shipment changed",
    actorId: actorOf(scope),
    referenceId: id,
  });
  return { order: changed, shipment: shipmentOf(changed, id) };
}

/**
 * Notes that a shipment arrived; one that did stays so.
 *
 * @param tx the transaction
 * @param scope the call
 * @param id the shipment
 * @param deliveredAt when; undefined for now
 * @returns the shipment with its order as they are then
 * @throws SoukError SHIPMENT_NOT_FOUND, or INVALID_REQUEST when it cannot have been then
 */
export async function markDelivered(
  tx: OrderTransaction,
  scope: Scope,
  id: string,
  deliveredAt: Date | undefined,
): Promise<ShipmentOfOrder> {
  const found = await requireShipment(tx.sql, id, (orderId) => lockOrder(tx, orderId));
  if (found.shipment.state === "DELIVERED") return found;
  if (deliveredAt !== undefined) requireTime(found.order, deliveredAt);
  await tx.sql
    .updateTable("shipment")
    .set({ state: "DELIVERED", delivery_time: deliveredAt ?? new Date(), version: sql<number>`version + 1` })
    .where("id", "=", id)
    .execute();
  const order = await storeChange(tx, found.order.id);
  writeDown(tx, {
    orderId: order.id,
    kind: "DELIVERED",
    text: order.state === "DELIVERED" ? "All of the order arrived" : "A shipment arrived",
    actorId: actorOf(scope),
    referenceId: id,
  });
  tx.emit(OrderDeliveredSchema, {
    orderId: order.id,
    customerId: order.customer_id ?? "",
    email: order.email,
    shipmentId: id,
    order: toOrder(order),
  });
  return { order, shipment: shipmentOf(order, id) };
}

/** From when goods arrived, the time runs in which they can be sent back. Staff may be late to say that they were sent. */
function requireTime({ create_time }: StoredOrder, deliveredAt: Date): void {
  if (deliveredAt >= create_time && deliveredAt.getTime() <= Date.now() + CLOCKS_DIFFER_MS) return;
  const description = `is not between when the order was placed, ${create_time.toISOString()}, and now; correct it, or leave it out for now`;
  throw refuseMesh(MeshReason.INVALID_REQUEST, `delivery_time ${description}`, {
    violations: [{ field: "delivery_time", description }],
  });
}

function shipmentOf({ shipments }: StoredOrder, id: string): StoredShipment {
  return shipments.find((each) => each.id === id) as StoredShipment;
}
