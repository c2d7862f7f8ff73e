import { uuidv7 } from "uuidv7";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { OrderCancelledSchema } from "#gen/souk/order/v1/events_pb.ts";
import { isRefusal } from "#kit/error.ts";
import { defineSaga } from "#kit/saga/define-saga.ts";
import type { Sagas } from "#kit/saga/sagas.ts";
import type { Scope } from "#kit/scope.ts";
import type { Owner } from "../cart/shopper.ts";
import { beingChanged, lockOrder } from "../change-order.ts";
import { giveUpPayment } from "../checkout/give-up-payment.ts";
import type { OrderTransaction } from "../database.ts";
import type { entities } from "../entities.ts";
import { ErrorReason, ErrorReasonSchema, refuse } from "../errors.ts";
import { json } from "../json-column.ts";
import { moveOrder, tryMoveOrder } from "../move-order.ts";
import { type OrderChanges, POLL_MS } from "../order-changes.ts";
import { toOrder } from "../order-message.ts";
import type { StoredOrder } from "../order-parts.ts";
import { requireOwnOrder } from "../own-order.ts";
import { giveBackPromotions } from "../promotions/use-promotions.ts";
import type { Shop } from "../shop.ts";
import { actorOf } from "../timeline.ts";
import { voidError } from "../translate-error.ts";
import {
  findOpenExchange,
  noteRefusedRest,
  type OpenExchange,
  takeBackExchange,
  withoutExchange,
} from "./exchanges.ts";
import { setFree } from "./move-money.ts";
import { type Freeing, planFreeing, withoutRest } from "./order-payments.ts";
import { tellFreed } from "./tell-money.ts";

/** What the saga of a cancellation is started with. */
type Cancelling = {
  readonly orderId: string;
  readonly reason: string;
  readonly actorId: string;
  /** What is set free of the money. */
  readonly freeings: readonly Freeing[];
  readonly currency: string;
  /** The exchange that is taken back with it. */
  readonly exchange: OpenExchange | null;
};
/** What steps find out for later ones. */
type Found = {
  /** The payments whose rest the provider refused to give back. */
  readonly kept: readonly string[];
};
/** What becomes of it. */
type Nothing = Record<string, never>;

/**
 * Cancels a CONFIRMED order, which is CANCELLING from the beginning. Only a payment that is captured stops it; it is
 * asked first, and from there on every step is tried until it succeeds.
 */
export const cancelOrderSaga = defineSaga<Cancelling, Found, Nothing, typeof entities>({
  name: "cancel-order",
  steps: [
    {
      name: "void-payment",
      attempts: Number.POSITIVE_INFINITY,
      async run({ input: { freeings, currency }, scope }) {
        return { kept: await setFree(scope, freeings, currency, voidError) };
      },
    },
    {
      name: "release-stock",
      attempts: Number.POSITIVE_INFINITY,
      async run({ input, scope }) {
        try {
          await scope.mesh(InventoryService).releaseReservation({ reservationId: input.orderId });
        } catch (cause) {
          // Whatever it is, the payment is void by now: there is no way back.
          throw new Error(`the stock of order ${input.orderId} is not given back yet`, { cause });
        }
        return undefined;
      },
    },
  ],
  async complete({ input, data }, tx) {
    const { orderId: id, currency, actorId, freeings } = input;
    await countAsCancelled(tx, input, data.kept);
    tellFreed(tx, { id, currency, actorId }, freeings, data.kept);
    const order = await moveOrder(tx, input.orderId, "CANCELLING", "CANCELLED", input.reason, input.actorId);
    await giveBackPromotions(tx, order.id);
    if (input.exchange !== null) await takeBackExchange(tx, input.exchange, input.actorId);
    noteRefusedRest(tx, order, input.actorId);
    tx.emit(OrderCancelledSchema, {
      orderId: order.id,
      customerId: order.customer_id ?? "",
      email: order.email,
      order: toOrder(order),
    });
    return {};
  },
  async abandon({ input }, _, tx) {
    await moveOrder(tx, input.orderId, "CANCELLING", "CONFIRMED");
  },
});

/** All pieces and all that was to pay, as where staff cancels all of an order. */
async function countAsCancelled(
  tx: OrderTransaction,
  { orderId, freeings, exchange }: Cancelling,
  kept: readonly string[] | undefined,
): Promise<void> {
  const { sql: db } = tx;
  const order = await lockOrder(tx, orderId);
  await db
    .updateTable("order_line")
    .set(({ ref }) => ({ cancelled: ref("quantity") }))
    .where("order_id", "=", orderId)
    .execute();
  const payments = withoutExchange(withoutRest(order, freeings, kept), exchange);
  await db
    .updateTable("orders")
    .set({ cancelled_total: order.total, payments: json(payments) })
    .where("id", "=", orderId)
    .execute();
}

/**
 * Cancels an order of who asks, also while it waits for its payment; one that is cancelled stays so. Of calls that
 * come at once, one does it and the others wait for it.
 *
 * @param shop what orders are handled with
 * @param sagas order's sagas
 * @param changes tells when an order changed
 * @param scope the call
 * @param cancellation the order, whose it must be, and why
 * @returns the order, CANCELLED
 * @throws SoukError ORDER_NOT_FOUND, ORDER_NOT_CANCELLABLE or ORDER_BEING_CHANGED
 */
export async function cancelOrder(
  shop: Shop,
  sagas: Sagas,
  changes: OrderChanges,
  scope: Scope,
  { id, asker, reason }: { readonly id: string; readonly asker: Owner; readonly reason: string },
): Promise<StoredOrder> {
  // Before the first look, so that no change falls between the two.
  const watch = changes.watch(id);
  try {
    for (let isTried = false; ; ) {
      const order = await requireOwnOrder(shop.db.sql, id, asker);
      const { state, changing } = order;
      if (state === "CANCELLED") return order;
      if (state === "AWAITING_PAYMENT" && changing === null) {
        await giveUpPayment(sagas, scope, id, reason);
      } else if (state === "CONFIRMED" && !isTried) {
        isTried = true;
        await beginCancelling(sagas, scope, id, reason);
      } else {
        if (changing !== null && state === "CONFIRMED") throw beingChanged(id);
        if (state !== "CANCELLING" && state !== "AWAITING_PAYMENT") throw notCancellable(order);
        await watch.next(POLL_MS, scope.signal);
      }
      scope.signal.throwIfAborted();
    }
  } finally {
    watch.close();
  }
}

/** Cancels, unless another call does or the payment is captured: the state of the order then tells which. */
async function beginCancelling(sagas: Sagas, scope: Scope, orderId: string, reason: string): Promise<void> {
  try {
    await sagas.execute(scope, cancelOrderSaga, {
      id: uuidv7(),
      async prepare(tx) {
        const order = await tryMoveOrder(tx, orderId, "CONFIRMED", "CANCELLING");
        if (order === undefined) {
          throw refuse(ErrorReason.ORDER_NOT_CANCELLABLE, "the order is being cancelled already");
        }
        const exchange = await findOpenExchange(tx, order);
        const freeings = planFreeing(order, [], exchange === undefined);
        const { currency } = order;
        return {
          orderId,
          reason,
          actorId: actorOf(scope),
          freeings,
          currency,
          exchange: exchange ?? null,
        };
      },
    });
  } catch (error) {
    if (!isRefusal(error, ErrorReasonSchema, ErrorReason.ORDER_NOT_CANCELLABLE)) throw error;
  }
}

function notCancellable({ id, state }: StoredOrder) {
  const why =
    state === "PENDING"
      ? "it is still being placed; try again in a moment"
      : "its payment is taken already, or some of it was sent; ask for a return instead";
  return refuse(ErrorReason.ORDER_NOT_CANCELLABLE, `order ${id} cannot be cancelled: ${why}`, {
    metadata: { order_id: id, state },
  });
}
