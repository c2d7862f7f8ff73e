import { uuidv7 } from "uuidv7";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { OrderCancelledSchema, OrderEditedSchema } from "#gen/souk/order/v1/events_pb.ts";
import { money } from "#kit/money.ts";
import { defineSaga } from "#kit/saga/define-saga.ts";
import type { Sagas } from "#kit/saga/sagas.ts";
import type { Scope } from "#kit/scope.ts";
import { type FoundWaiting, keepWaiting, waitingOf } from "../back-orders.ts";
import { keepFor, lockForChange, lockOrder, requireOrder, storeChange } from "../change-order.ts";
import type { OrderTransaction } from "../database.ts";
import type { entities } from "../entities.ts";
import { json } from "../json-column.ts";
import { toOrder } from "../order-message.ts";
import type { StoredOrder } from "../order-parts.ts";
import { giveBackPromotions } from "../promotions/use-promotions.ts";
import type { Shop } from "../shop.ts";
import { actorOf, writeDown } from "../timeline.ts";
import { voidError, voidOfTaken } from "../translate-error.ts";
import {
  findOpenExchange,
  noteRefusedRest,
  type OpenExchange,
  takeBackExchange,
  withoutExchange,
} from "./exchanges.ts";
import { setFree } from "./move-money.ts";
import { type Freeing, planFreeing, withoutRest } from "./order-payments.ts";
import { type Item, openPieces, type Pieces, requirePieces, worthOf } from "./pieces.ts";
import { tellFreed } from "./tell-money.ts";

/** What staff asks for. */
export interface Cancellation {
  readonly orderId: string;
  /** What to cancel; all that is not sent when empty. */
  readonly items: readonly Item[];
  readonly reason: string;
  readonly etag: string;
}

/** What the saga is started with. */
type Cancelling = {
  readonly orderId: string;
  readonly reason: string;
  readonly actorId: string;
  readonly items: readonly {
    readonly lineId: string;
    readonly variantId: string;
    readonly quantity: bigint;
  }[];
  /** What of the order is left to send: nothing although some was sent, nothing at all, or something. */
  readonly leaves: "what was sent" | "nothing" | "more to send";
  /** What is left of the money when nothing is left to send; nothing before. */
  readonly freeings: readonly Freeing[];
  readonly currency: string;
  /** The exchange that is taken back with it. */
  readonly exchange: OpenExchange | null;
};

/** What steps find out for later ones. */
type Found = {
  /** The payments whose rest the provider refused to give back. */
  readonly kept: readonly string[];
} & FoundWaiting;
/** What becomes of it. */
type Cancelled = { readonly orderId: string };

/**
 * Cancels some or all of what is not sent of an order. Where all of an order is, its payment is asked first, for one
 * that is taken stops it. What is set aside for pieces of an order that goes on is set free when its last pieces are
 * sent or cancelled, for no provider sets a part of it free.
 */
export const cancelItemsSaga = defineSaga<Cancelling, Found, Cancelled, typeof entities>({
  name: "cancel-items",
  steps: [
    {
      name: "void-payment",
      attempts: Number.POSITIVE_INFINITY,
      async run({ input: { leaves, freeings, currency }, scope }) {
        const onTaken = leaves === "nothing" ? voidError : voidOfTaken;
        return { kept: await setFree(scope, freeings, currency, onTaken) };
      },
    },
    {
      name: "reduce-reservation",
      attempts: Number.POSITIVE_INFINITY,
      async run({ sagaId, input: { orderId, items, leaves }, scope }) {
        const inventory = scope.mesh(InventoryService);
        const lines = items.map(({ variantId, quantity }) => ({ variantId, quantity }));
        try {
          if (leaves === "nothing") {
            await inventory.releaseReservation({ reservationId: orderId });
            return undefined;
          }
          const reduction = { reservationId: orderId, changeId: sagaId, lines };
          return { waiting: waitingOf(await inventory.reduceReservation(reduction)) };
        } catch (cause) {
          if (leaves === "more to send") throw cause;
          // Whatever it is, the money is free by now: there is no way back.
          throw new Error(`the stock of order ${orderId} is not given back yet`, { cause });
        }
      },
    },
  ],
  async complete({ input: { orderId, reason, actorId, items, freeings, exchange }, data }, tx) {
    const before = await lockOrder(tx, orderId);
    const pieces = requirePieces(before, items, openPieces);
    await Promise.all(pieces.map((each) => countAsCancelled(tx, each)));
    if (data.waiting !== undefined) await keepWaiting(tx, orderId, data.waiting);
    const order = await storeChange(tx, orderId, (cancelled) => ({
      changing: null,
      cancelled_total: worthOfCancelled(cancelled),
      payments: json(withoutExchange(withoutRest(cancelled, freeings, data.kept), exchange)),
      ...(leftOf(cancelled) === 0n && { cancel_reason: reason }),
    }));
    const told = { orderId, customerId: order.customer_id ?? "", email: order.email, order: toOrder(order) };
    if (order.state === "CANCELLED") {
      await giveBackPromotions(tx, orderId);
      if (exchange !== null) await takeBackExchange(tx, exchange, actorId);
      tx.emit(OrderCancelledSchema, told);
    } else {
      const difference = money(before.cancelled_total - order.cancelled_total, order.currency);
      tx.emit(OrderEditedSchema, { ...told, difference });
    }
    tellFreed(tx, { ...order, actorId }, freeings, data.kept);
    writeDown(tx, {
      orderId,
      kind: "CANCELLED",
      text: order.state === "CANCELLED" ? "The order was cancelled" : "Some of the order was cancelled",
      actorId,
    });
    noteRefusedRest(tx, order, actorId);
    return { orderId };
  },
  async abandon({ input: { orderId, leaves } }, _, tx) {
    keepFor(tx, orderId, null, leaves === "nothing" ? "CONFIRMED" : undefined);
  },
});

/**
 * Cancels some or all of what is not sent of an order.
 *
 * @param shop what orders are handled with
 * @param sagas order's sagas
 * @param scope the call
 * @param cancellation what staff asks for
 * @returns the order as it is now
 * @throws SoukError ORDER_NOT_FOUND, ORDER_BEING_CHANGED, ETAG_MISMATCH, ORDER_NOT_CANCELLABLE, LINE_NOT_FOUND or
 *   QUANTITY_EXCEEDED; DEADLINE_EXCEEDED while it is not known how it ends
 */
export async function cancelItems(
  shop: Shop,
  sagas: Sagas,
  scope: Scope,
  { orderId, items, reason, etag }: Cancellation,
): Promise<StoredOrder> {
  const id = uuidv7();
  await sagas.execute(scope, cancelItemsSaga, {
    id,
    async prepare(tx) {
      const order = await lockForChange(tx, "cancelItems", orderId, etag);
      const pieces = requirePieces(order, items, openPieces);
      const leaves = leavesOf(order, pieces);
      const exchange = leaves === "more to send" ? undefined : await findOpenExchange(tx, order);
      keepFor(tx, orderId, id, leaves === "nothing" ? "CANCELLING" : undefined);
      const named = pieces.map(({ line, count }) => ({
        lineId: line.id,
        variantId: line.variant_id,
        quantity: count,
      }));
      return {
        orderId,
        reason,
        actorId: actorOf(scope),
        items: named,
        leaves,
        freeings: leaves === "more to send" ? [] : planFreeing(order, [], exchange === undefined),
        currency: order.currency,
        exchange: leaves === "nothing" ? (exchange ?? null) : null,
      };
    },
  });
  return requireOrder(shop.db.sql, orderId);
}

function leavesOf({ lines }: StoredOrder, pieces: readonly Pieces[]): Cancelling["leaves"] {
  const open = lines.reduce((sum, line) => sum + openPieces(line), 0n);
  const cancelled = pieces.reduce((sum, { count }) => sum + count, 0n);
  if (cancelled < open) return "more to send";
  return lines.some(({ shipped }) => shipped > 0n) ? "what was sent" : "nothing";
}

function countAsCancelled(tx: OrderTransaction, { line, count }: Pieces) {
  return tx.sql
    .updateTable("order_line")
    .set({ cancelled: line.cancelled + count })
    .where("id", "=", line.id)
    .execute();
}

/** What is no longer to pay; where nothing is left, shipping neither. */
function worthOfCancelled(order: StoredOrder): bigint {
  const left = order.lines.reduce((sum, line) => sum + worthOf(line, line.quantity - line.cancelled), 0n);
  const cancelled = order.total - left - (leftOf(order) === 0n ? 0n : order.shipping_total);
  // What is taken stays to pay, also where a cent more was for pieces that were sent when parts were rounded otherwise.
  return cancelled < order.total - order.captured ? cancelled : order.total - order.captured;
}

function leftOf({ lines }: StoredOrder): bigint {
  return lines.reduce((sum, { quantity, cancelled }) => sum + quantity - cancelled, 0n);
}
