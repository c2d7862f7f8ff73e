import { uuidv7 } from "uuidv7";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { OrderShippedSchema } from "#gen/souk/order/v1/events_pb.ts";
import { defineSaga } from "#kit/saga/define-saga.ts";
import type { Sagas } from "#kit/saga/sagas.ts";
import type { Scope } from "#kit/scope.ts";
import { keepFor, lockForChange, lockOrder, requireOrder, storeChange } from "../change-order.ts";
import type { OrderTransaction } from "../database.ts";
import { draftInvoice, issueInvoice } from "../documents/invoice.ts";
import type { entities } from "../entities.ts";
import { json } from "../json-column.ts";
import { toOrder } from "../order-message.ts";
import type { StoredOrder } from "../order-parts.ts";
import type { Shop } from "../shop.ts";
import { actorOf, writeDown } from "../timeline.ts";
import { shippingError } from "../translate-error.ts";
import { findOpenExchange, noteRefusedRest, requireBack } from "./exchanges.ts";
import { gatherGoods } from "./gather-goods.ts";
import { putBack, setFree, take } from "./move-money.ts";
import {
  type Freeing,
  planFreeing,
  planTaking,
  type Taking,
  withCaptured,
  withoutRest,
} from "./order-payments.ts";
import { type Item, openPieces, type Pieces, requirePieces, toStoredPieces, worthOf } from "./pieces.ts";
import { tellFreed, tellTaken } from "./tell-money.ts";

/** What staff asks for. */
export interface Shipping {
  readonly orderId: string;
  /** What to send; all that is not sent when empty. */
  readonly items: readonly Item[];
  /** Where from; "" for where it is set aside. */
  readonly locationId: string;
  readonly carrier: string;
  readonly trackingNumber: string;
  readonly trackingUri: string;
  readonly etag: string;
}

/** What the saga of a shipment is started with; its id is the shipment's and the first capture's. */
type Sending = Omit<Shipping, "items" | "etag"> & {
  readonly actorId: string;
  readonly items: readonly {
    readonly lineId: string;
    readonly variantId: string;
    readonly quantity: bigint;
  }[];
  /** What is taken for it. */
  readonly takings: readonly Taking[];
  /** What is left of the money when nothing is left to send; nothing before. */
  readonly freeings: readonly Freeing[];
  readonly currency: string;
};

/** What steps find out for later ones. */
type Found = {
  /** The payments whose rest the provider refused to give back. */
  readonly kept: readonly string[];
};
/** What becomes of it. */
type Sent = { readonly orderId: string; readonly shipmentId: string };

/**
 * Sends some or all of an order. The goods are set aside where they leave from before the money is taken, so that none
 * is taken for what cannot be sent; they stay so where it cannot be taken, and else leave the books after it. A step
 * whose end is not known is tried until it is, for a capture that comes true late must not have been given up.
 */
export const shipOrderSaga = defineSaga<Sending, Found, Sent, typeof entities>({
  name: "ship-order",
  steps: [
    {
      name: "gather-goods",
      async run({ input, scope }) {
        await gatherGoods(scope, input);
        return undefined;
      },
    },
    {
      name: "capture-payment",
      attempts: Number.POSITIVE_INFINITY,
      async run({ input: { takings, currency }, scope }) {
        await take(scope, takings, currency);
        return undefined;
      },
      undo: ({ input: { takings, currency }, scope }) => putBack(scope, takings, currency),
    },
    {
      name: "fulfill-reservation",
      attempts: Number.POSITIVE_INFINITY,
      async run({ sagaId, input: { orderId, items, locationId }, scope }) {
        const lines = items.map(({ variantId, quantity }) => ({ variantId, quantity, locationId }));
        const request = { reservationId: orderId, shipmentId: sagaId, lines };
        await scope.mesh(InventoryService).fulfillReservation(request).catch(shippingError);
        return undefined;
      },
    },
    {
      name: "release-rest",
      attempts: Number.POSITIVE_INFINITY,
      async run({ input: { freeings, currency }, scope }) {
        return { kept: await setFree(scope, freeings, currency) };
      },
    },
  ],
  complete: async ({ sagaId, input, data }, tx) => {
    const before = await lockOrder(tx, input.orderId);
    const pieces = requirePieces(before, input.items, openPieces);
    await Promise.all(pieces.map((each) => countAsSent(tx, each)));
    const amount = input.takings.reduce((sum, it) => sum + it.amount, 0n);
    await tx.sql
      .insertInto("shipment")
      .values({
        id: sagaId,
        order_id: input.orderId,
        state: "SENT",
        lines: json(toStoredPieces(pieces)),
        location_id: input.locationId,
        carrier: input.carrier,
        tracking_number: input.trackingNumber,
        tracking_uri: input.trackingUri,
        captured: amount,
      })
      .execute();
    const isFirst = before.shipments.length === 0;
    await issueInvoice(tx, input.orderId, draftInvoice(before, pieces, isFirst));
    const order = await storeChange(tx, input.orderId, (sent) => {
      const payments = withCaptured(sent, input.takings);
      return {
        changing: null,
        captured: sent.captured + amount,
        payments: json(withoutRest({ payments }, input.freeings, data.kept)),
      };
    });
    const moved = { ...order, actorId: input.actorId };
    tellTaken(tx, moved, input.takings);
    tellFreed(tx, moved, input.freeings, data.kept);
    writeDown(tx, {
      orderId: order.id,
      kind: "SHIPPED",
      text: order.state === "PARTIALLY_SHIPPED" ? "Some of the order was sent" : "The order was sent",
      actorId: input.actorId,
      referenceId: sagaId,
    });
    noteRefusedRest(tx, order, input.actorId);
    tx.emit(OrderShippedSchema, {
      orderId: order.id,
      customerId: order.customer_id ?? "",
      email: order.email,
      shipmentId: sagaId,
      order: toOrder(order),
    });
    return { orderId: order.id, shipmentId: sagaId };
  },
  async abandon({ input }, _, tx) {
    keepFor(tx, input.orderId, null);
  },
});

/**
 * Sends some or all of an order, or nothing of it. Under the call's idempotency key there is one shipment.
 *
 * @param shop what orders are handled with
 * @param sagas order's sagas
 * @param scope the call
 * @param shipping what staff asks for
 * @returns the order as it is now, and the id of its new shipment
 * @throws SoukError ORDER_NOT_FOUND, ORDER_BEING_CHANGED, ETAG_MISMATCH, ORDER_NOT_SHIPPABLE, LINE_NOT_FOUND,
 *   QUANTITY_EXCEEDED or PAYMENT_NOT_TAKEN; DEADLINE_EXCEEDED while it is not known how it ends
 */
export async function shipOrder(
  shop: Shop,
  sagas: Sagas,
  scope: Scope,
  { items, etag, ...shipping }: Shipping,
): Promise<{ order: StoredOrder; shipmentId: string }> {
  const id = uuidv7();
  const { orderId, shipmentId } = await sagas.execute(scope, shipOrderSaga, {
    id,
    async prepare(tx) {
      const order = await lockForChange(tx, "ship", shipping.orderId, etag);
      await requireBack(tx.sql, order);
      const pieces = requirePieces(order, items, openPieces);
      keepFor(tx, order.id, id);
      const takings = planTaking(order, capturedWith(order, pieces) - order.captured, id);
      const isLast = order.lines.every((line) => openPieces(line) === countOf(pieces, line.id));
      const exchange = isLast ? await findOpenExchange(tx, order) : undefined;
      return {
        ...shipping,
        actorId: actorOf(scope),
        items: pieces.map(({ line, count }) => ({
          lineId: line.id,
          variantId: line.variant_id,
          quantity: count,
        })),
        takings,
        freeings: isLast ? planFreeing(order, takings, exchange === undefined) : [],
        currency: order.currency,
      };
    },
  });
  return { order: await requireOrder(shop.db.sql, orderId), shipmentId };
}

/** What is taken of an order in all once some more pieces are sent; shipping is paid with the first of them. */
function capturedWith({ lines, shipping_total }: StoredOrder, pieces: readonly Pieces[]): bigint {
  return lines.reduce(
    (sum, line) => sum + worthOf(line, line.shipped + countOf(pieces, line.id)),
    shipping_total,
  );
}

function countOf(pieces: readonly Pieces[], lineId: string): bigint {
  return pieces.find(({ line }) => line.id === lineId)?.count ?? 0n;
}

function countAsSent(tx: OrderTransaction, { line, count }: Pieces) {
  return tx.sql
    .updateTable("order_line")
    .set({ shipped: line.shipped + count })
    .where("id", "=", line.id)
    .execute();
}
