import { OrderNoteAddedSchema } from "#gen/souk/order/v1/events_pb.ts";
import type { Scope } from "#kit/scope.ts";
import { lockOrder } from "./change-order.ts";
import type { OrderTransaction } from "./database.ts";
import { actorOf, type StoredEntry, writeDown } from "./timeline.ts";

/** What staff writes to an order. */
export interface Note {
  readonly orderId: string;
  readonly text: string;
  /** Whether the customer sees it and is told. */
  readonly visibleToCustomer: boolean;
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
