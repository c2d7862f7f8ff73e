import { type Order, type OrderService, OrderState } from "#gen/souk/order/v1/order_pb.ts";
import { type ReturnReason, ReturnState } from "#gen/souk/order/v1/return_pb.ts";
import { ShipmentState } from "#gen/souk/order/v1/shipment_pb.ts";
import type { MeshClient } from "#kit/mesh/client.ts";

/** From where an order is looked after. */
export interface Counter {
  readonly staff: MeshClient<typeof OrderService>;
  /** Signs its customer in. */
  customer(): Promise<MeshClient<typeof OrderService>>;
  /** The id of the variant with a SKU. */
  variantOf(sku: string): Promise<string>;
}

/** Something that becomes of an order. */
export interface Step {
  /** Whether it has become of it already. */
  isDone(order: Order): boolean;
  /** Does it; under the same key, once. */
  take(counter: Counter, order: Order, idempotencyKey: string): Promise<unknown>;
}

/** How many pieces, by the place of the line in the order. */
export type Pieces = readonly number[];

/**
 * Sends some of an order.
 *
 * @param nth which of its shipments it is, from 1
 * @param pieces what is in it; all that is not sent when left out
 */
export function send(nth: number, pieces: Pieces = []): Step {
  return {
    isDone: ({ shipments }) => shipments.length >= nth,
    take: ({ staff }, order, idempotencyKey) => {
      const trackingNumber = `${order.number.replaceAll("-", "")}${nth}`;
      const tracking = {
        carrier: "DHL",
        trackingNumber,
        trackingUri: `https://track.example/${trackingNumber}`,
      };
      const items = itemsOf(order, pieces);
      return staff.shipOrder({ orderId: order.id, items, ...tracking }, { idempotencyKey });
    },
  };
}

/**
 * A shipment arrives.
 *
 * @param nth which one, from 1
 */
export function arrive(nth: number): Step {
  const isThere = ({ shipments }: Order) => shipments[nth - 1]?.state === ShipmentState.DELIVERED;
  return {
    isDone: isThere,
    take: ({ staff }, { shipments }) => staff.markShipmentDelivered({ id: shipments[nth - 1]?.id ?? "" }),
  };
}

/**
 * Staff cancels pieces that are not sent.
 *
 * @param pieces which
 * @param reason why
 */
export function leaveOut(pieces: Pieces, reason: string): Step {
  return {
    isDone: ({ lines }) => lines.some(({ cancelled }) => cancelled > 0n),
    take: ({ staff }, order, idempotencyKey) =>
      staff.cancelOrderItems(
        { orderId: order.id, items: itemsOf(order, pieces), reason },
        { idempotencyKey },
      ),
  };
}

/** With what is paid what an order comes to cost more. */
const PAYMENT_TOKEN = "tok_visa";

/**
 * Staff adds something before any of it is sent.
 *
 * @param sku what; nothing of it is in the order yet
 * @param reason why
 */
export function add(sku: string, reason: string): Step {
  return {
    isDone: ({ lines }) => lines.some((line) => line.sku === sku),
    take: async ({ staff, variantOf }, { id: orderId, lines }, idempotencyKey) => {
      const added = { variantId: await variantOf(sku), quantity: 1n, note: lines[0]?.note ?? "" };
      const edit = { orderId, addedLines: [added], reason, paymentToken: PAYMENT_TOKEN };
      return staff.editOrder(edit, { idempotencyKey });
    },
  };
}

/**
 * Staff sends something else for pieces that come back, without waiting for them: an order of its own.
 *
 * @param pieces what comes back
 * @param sku what is sent instead, one of it
 * @param reason why
 */
export function exchange(pieces: Pieces, sku: string, reason: string): Step {
  return {
    isDone: ({ returns }) => returns.some(({ exchangeOrderId }) => exchangeOrderId !== ""),
    take: async ({ staff, variantOf }, order, idempotencyKey) => {
      const swap = {
        orderId: order.id,
        returnedItems: itemsOf(order, pieces),
        sentLines: [{ variantId: await variantOf(sku), quantity: 1n }],
        shipBeforeReceipt: true,
        reason,
        paymentToken: PAYMENT_TOKEN,
      };
      return staff.exchangeOrder(swap, { idempotencyKey });
    },
  };
}

/**
 * The customer cancels all of it.
 *
 * @param reason why
 */
export function cancel(reason: string): Step {
  return {
    isDone: ({ state }) => state === OrderState.CANCELLED,
    take: async ({ customer }, { id }) => (await customer()).cancelOrder({ id, reason }),
  };
}

/**
 * Staff gives back what some pieces cost.
 *
 * @param nth which of its refunds it is, from 1
 * @param pieces for which
 * @param reason why
 */
export function giveBack(nth: number, pieces: Pieces, reason: string): Step {
  return {
    isDone: ({ refunds }) => refunds.length >= nth,
    take: ({ staff }, order, idempotencyKey) =>
      staff.refundOrder({ orderId: order.id, items: itemsOf(order, pieces), reason }, { idempotencyKey }),
  };
}

/**
 * The customer asks to send pieces back.
 *
 * @param pieces which
 * @param reason why
 * @param note what else there is to say
 */
export function askToReturn(pieces: Pieces, reason: ReturnReason, note = ""): Step {
  return {
    isDone: ({ returns }) => returns.length > 0,
    take: async ({ customer }, order, idempotencyKey) => {
      const items = itemsOf(order, pieces).map((item) => ({ ...item, reason }));
      return (await customer()).requestReturn({ orderId: order.id, items, note }, { idempotencyKey });
    },
  };
}

/** Staff allows the return. */
export const approve: Step = {
  isDone: ({ returns }) => returns[0]?.state !== ReturnState.REQUESTED,
  take: ({ staff }, { returns }) =>
    staff.approveReturn({ id: returns[0]?.id ?? "", instructions: "Use the label that lies in the parcel." }),
};

/**
 * Staff refuses the return.
 *
 * @param reason why
 */
export function reject(reason: string): Step {
  return {
    isDone: ({ returns }) => returns[0]?.state === ReturnState.REJECTED,
    take: ({ staff }, { returns }) => staff.rejectReturn({ id: returns[0]?.id ?? "", reason }),
  };
}

/** What was sent back is in stock again, and its price is given back. */
export const takeBack: Step = {
  isDone: ({ returns }) => returns[0]?.state === ReturnState.RECEIVED,
  take: ({ staff }, { returns }) => {
    const items = returns[0]?.lines.map(({ lineId, quantity }) => ({ lineId, restocked: quantity })) ?? [];
    return staff.receiveReturn({ id: returns[0]?.id ?? "", items });
  },
};

function itemsOf({ lines }: Order, pieces: Pieces): { lineId: string; quantity: bigint }[] {
  const items = lines.map(({ id }, index) => ({ lineId: id, quantity: BigInt(pieces[index] ?? 0) }));
  return items.filter(({ quantity }) => quantity > 0n);
}
