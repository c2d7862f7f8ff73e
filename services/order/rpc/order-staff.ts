import { create } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import {
  EditOrderResponseSchema,
  type OrderService,
  OrderState,
  OrderStateSchema,
} from "#gen/souk/order/v1/order_pb.ts";
import type { AddedLine as RequestedLine } from "#gen/souk/order/v1/order_staff_pb.ts";
import { AddOrderNoteResponseSchema } from "#gen/souk/order/v1/timeline_pb.ts";
import { decodePageToken, encodePageToken, UUID } from "#kit/data/page-token.ts";
import { money } from "#kit/money.ts";
import type { Implementation } from "#kit/rpc/implement.ts";
import type { Sagas } from "#kit/saga/sagas.ts";
import { toEntry, toRefund, toReturn, toShipment } from "../after-sale/after-sale-message.ts";
import { cancelItems } from "../after-sale/cancel-items.ts";
import { decideReturn } from "../after-sale/decide-return.ts";
import { type EditedOrder, editOrder, tryEdit } from "../after-sale/edit-order.ts";
import { exchangeOrder } from "../after-sale/exchange-order.ts";
import { receiveReturn } from "../after-sale/receive-return.ts";
import type { AddedLine } from "../after-sale/reckon-order.ts";
import { refundOrder } from "../after-sale/refund-order.ts";
import { shipOrder } from "../after-sale/ship-order.ts";
import { markDelivered, requireShipment, type Tracking, updateShipment } from "../after-sale/shipments.ts";
import { requireOrder } from "../change-order.ts";
import { printPackingSlip } from "../documents/packing-slip.ts";
import { countOpenOrders } from "../forget/open-orders.ts";
import { listOrders } from "../list-orders.ts";
import { addNote, listNotesOf } from "../notes.ts";
import type { OrderChanges } from "../order-changes.ts";
import { toOrder } from "../order-message.ts";
import type { OrderState as StoredState } from "../order-state.ts";
import type { Shop } from "../shop.ts";
import { readTimeline } from "../timeline.ts";

/** How many orders a page has when the caller does not say. */
const PAGE_SIZE = 20;
/** How many notes are told with an order. */
const MOST_NOTES = 50;

/** Serves what staff and other services call of souk.order.v1.OrderService. */
export function orderStaffRpc(shop: Shop, sagas: Sagas, changes: OrderChanges) {
  const { db } = shop;

  return {
    countOpenOrders: ({ customerId }) => countOpenOrders(db.sql, customerId),

    async listCustomerNotes({ customerId, pageSize, pageToken }) {
      const list = `notes of ${customerId}`;
      const limit = pageSize || PAGE_SIZE;
      const [before] = decodePageToken(list, pageToken, [UUID]);
      const found = await listNotesOf(db.sql, customerId, limit + 1, before);
      const notes = found.slice(0, limit);
      const last = found.length > limit ? notes.at(-1) : undefined;
      return { notes: notes.map(toEntry), nextPageToken: last && encodePageToken(list, [last.id]) };
    },

    async listOrders(request) {
      const { states, customerId, query, startTime, endTime, pageSize, pageToken } = request;
      const filter = {
        states: states.flatMap(toStoredStates),
        ...(customerId !== "" && { customerId }),
        query,
        ...(startTime !== undefined && { from: timestampDate(startTime) }),
        ...(endTime !== undefined && { until: timestampDate(endTime) }),
      };
      const list = `all orders ${JSON.stringify(filter)}`;
      const limit = pageSize || PAGE_SIZE;
      const [before] = decodePageToken(list, pageToken, [UUID]);
      // One more than asked for tells whether there is a next page.
      const found = await listOrders(db.sql, filter, limit + 1, before);
      const orders = found.slice(0, limit);
      const last = found.length > limit ? orders.at(-1) : undefined;
      return { orders: orders.map(toOrder), nextPageToken: last && encodePageToken(list, [last.id]) };
    },

    async getOrderForStaff({ id }) {
      const order = await requireOrder(db.sql, id);
      const notes = await readTimeline(db.sql, order.id, {
        forStaff: true,
        notesOnly: true,
        limit: MOST_NOTES,
      });
      return { order: toOrder(order), notes: notes.map(toEntry) };
    },

    async getPackingSlip({ shipmentId }) {
      return printPackingSlip(shop, await requireShipment(db.sql, shipmentId));
    },

    async shipOrder({ orderId, ...request }, call) {
      const shipping = { ...request, orderId: orderId.toLowerCase() };
      const { order, shipmentId } = await shipOrder(shop, sagas, call, shipping);
      const shipment = order.shipments.find(({ id }) => id === shipmentId);
      return { order: toOrder(order), shipment: shipment && toShipment(shipment, order.currency) };
    },

    async updateShipment({ id, carrier, trackingNumber, trackingUri, updateMask, etag }, call) {
      const values = { carrier, tracking_number: trackingNumber, tracking_uri: trackingUri };
      const paths = new Set(updateMask?.paths);
      const tracking: Tracking = Object.fromEntries(
        Object.entries(values).filter(([name]) => paths.has(name)),
      );
      const { order, shipment } = await db.write(call, (tx) => updateShipment(tx, call, id, tracking, etag));
      return { shipment: toShipment(shipment, order.currency) };
    },

    async markShipmentDelivered({ id, deliveryTime }, call) {
      const deliveredAt = deliveryTime && timestampDate(deliveryTime);
      const { order, shipment } = await db.write(call, (tx) => markDelivered(tx, call, id, deliveredAt));
      return { shipment: toShipment(shipment, order.currency) };
    },

    async cancelOrderItems({ orderId, items, reason, etag }, call) {
      const cancellation = { orderId: orderId.toLowerCase(), items, reason, etag };
      return { order: toOrder(await cancelItems(shop, sagas, call, cancellation)) };
    },

    async approveReturn({ id, instructions, etag }, call) {
      const decision = { id: id.toLowerCase(), to: "APPROVED", instructions, etag } as const;
      return { return: toReturn(await db.write(call, (tx) => decideReturn(tx, call, decision))) };
    },

    async rejectReturn({ id, reason, etag }, call) {
      const decision = { id: id.toLowerCase(), to: "REJECTED", rejectReason: reason, etag } as const;
      return { return: toReturn(await db.write(call, (tx) => decideReturn(tx, call, decision))) };
    },

    async receiveReturn({ id, items, locationId, refundAmount, refundShipping, etag }, call) {
      const receipt = {
        id: id.toLowerCase(),
        items,
        locationId,
        refundAmount,
        withShipping: refundShipping,
        etag,
      };
      const { order, stored } = await receiveReturn(shop, sagas, changes, call, receipt);
      return { order: toOrder(order), return: toReturn(stored) };
    },

    async refundOrder({ orderId, items, refundShipping, amount, toStoreCredit, reason }, call) {
      const refunding = {
        orderId: orderId.toLowerCase(),
        items,
        withShipping: refundShipping,
        amount,
        toStoreCredit,
        reason,
      };
      const { order, refundId } = await refundOrder(shop, sagas, call, refunding);
      const refund = order.refunds.find(({ id }) => id === refundId);
      return { order: toOrder(order), refund: refund && toRefund(refund, order.currency) };
    },

    async editOrder({ orderId, addedLines, validateOnly, ...request }, call) {
      const edit = { ...request, orderId: orderId.toLowerCase(), addedLines: addedLines.map(toAddedLine) };
      const answer = ({ order, difference }: EditedOrder) =>
        create(EditOrderResponseSchema, {
          order: toOrder(order),
          difference: money(difference, order.currency),
        });
      if (validateOnly) return tryEdit(shop, call, edit, answer);
      return answer(await editOrder(shop, sagas, call, edit));
    },

    async exchangeOrder({ orderId, returnedItems, sentLines, shipBeforeReceipt, ...request }, call) {
      const { order, replacement, returned, difference } = await exchangeOrder(shop, sagas, call, {
        ...request,
        orderId: orderId.toLowerCase(),
        returnedItems,
        sentLines: sentLines.map(toAddedLine),
        sentFirst: shipBeforeReceipt,
      });
      return {
        order: toOrder(order),
        replacement: toOrder(replacement),
        return: returned && toReturn(returned),
        difference: money(difference, order.currency),
      };
    },

    async addOrderNote({ orderId, text, visibleToCustomer }, call) {
      const note = { orderId: orderId.toLowerCase(), text, visibleToCustomer };
      return db.write(call, async (tx) =>
        create(AddOrderNoteResponseSchema, { entry: toEntry(await addNote(tx, call, note)) }),
      );
    },
  } satisfies Partial<Implementation<typeof OrderService>>;
}

function toAddedLine({ variantId, quantity, note }: RequestedLine): AddedLine {
  return { variantId: variantId.toLowerCase(), quantity, note };
}

/** The states that callers are told to be this one. */
function toStoredStates(state: OrderState): StoredState[] {
  if (state === OrderState.CONFIRMED) return ["CONFIRMED", "CANCELLING"];
  return [OrderStateSchema.value[state]?.localName as StoredState];
}
