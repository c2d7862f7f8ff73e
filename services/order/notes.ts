import { OrderNoteAddedSchema } from "#gen/souk/order/v1/events_pb.ts";
import type { Scope } from "#kit/scope.ts";
import { lockOrder, tellAnew } from "./change-order.ts";
import type { OrderSql, OrderTransaction } from "./database.ts";
import { actorOf, type StoredEntry, writeDown } from "./timeline.ts";

/** What staff writes to an order. */
export interface Note {
  readonly orderId: string;
  readonly text: string;
  /** Whether the customer sees it and is told. */
  readonly visibleToCustomer: boolean;
}

/**
 * What was noted on the orders of a customer, the newest first.
 *
 * @param db where to read
 * @param customerId whose
 * @param limit how many at most
 * @param before the note after which to go on; from the newest when left out
 */
export function listNotesOf(
  db: OrderSql,
  customerId: string,
  limit: number,
  before?: string,
): Promise<StoredEntry[]> {
  return db
    .selectFrom("order_timeline as entry")
    .innerJoin("orders", "orders.id", "entry.order_id")
    .selectAll("entry")
    .where("customer_id", "=", customerId)
    .where("kind", "=", "NOTE")
    .$if(before !== undefined, (query) => query.where("entry.id", "<", before as string))
    .orderBy("entry.id", "desc")
    .limit(limit)
    .execute();
}

/**
 * Writes a note to an order.
 *
 * @param tx the transaction
 * @param scope the call
 * @param note the note
 * @returns its entry in the timeline
 * @throws SoukError ORDER_NOT_FOUND
 */
export async function addNote(
  tx: OrderTransaction,
  scope: Scope,
  { orderId, text, visibleToCustomer }: Note,
): Promise<StoredEntry> {
  const order = await lockOrder(tx, orderId);
  const entry = writeDown(tx, {
    orderId,
    kind: "NOTE",
    text,
    actorId: actorOf(scope),
    visibleToCustomer,
  });
  if (visibleToCustomer) {
    await tellAnew(tx, orderId);
    tx.emit(OrderNoteAddedSchema, {
      orderId,
      customerId: order.customer_id ?? "",
      email: order.email,
      text,
      orderNumber: order.number,
    });
  }
  return entry;
}
