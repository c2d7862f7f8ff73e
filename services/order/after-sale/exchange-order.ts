import { sql } from "kysely";
import { uuidv7 } from "uuidv7";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { OrderConfirmedSchema, OrderExchangedSchema } from "#gen/souk/order/v1/events_pb.ts";
import { codeName } from "#kit/error.ts";
import { money } from "#kit/money.ts";
import { defineSaga } from "#kit/saga/define-saga.ts";
import type { Sagas } from "#kit/saga/sagas.ts";
import type { Scope } from "#kit/scope.ts";
import { type FoundWaiting, keepWaiting } from "../back-orders.ts";
import { lockOrder, requireOrder, storeChange } from "../change-order.ts";
import { newOrderNumber } from "../checkout/order-number.ts";
import type { OrderTransaction } from "../database.ts";
import type { entities } from "../entities.ts";
import { json } from "../json-column.ts";
import { moveOrder } from "../move-order.ts";
import { insertOrder, paymentOf } from "../new-order.ts";
import { toOrder } from "../order-message.ts";
import type { StoredOrder, StoredReturn } from "../order-parts.ts";
import { requireMay } from "../order-state.ts";
import type { Shop } from "../shop.ts";
import { actorOf, writeDown } from "../timeline.ts";
import type { StoredPayment, StoredReturnLine } from "./after-sale.ts";
import { beginRefund, failRefund } from "./book-refund.ts";
import type { Share } from "./order-payments.ts";
import { requirePaid } from "./plan-edit.ts";
import { type Exchange, planExchange } from "./plan-exchange.ts";
import type { Reckoned } from "./reckon-order.ts";
import { letGo, tellOfReturn } from "./returns.ts";
import { authorizePayment, type Needs, needsOf, reserveStock } from "./set-aside.ts";
import { tellSetAside } from "./tell-money.ts";

/** What the saga of an exchange is started with; its id is that of the order of what is sent instead. */
type Exchanging = Needs & {
  /** The order whose goods come back. */
  readonly orderId: string;
  readonly refundId: string;
  readonly lines: readonly StoredReturnLine[];
  readonly sentFirst: boolean;
  readonly difference: bigint;
  readonly reason: string;
  readonly actorId: string;
};

/** What becomes of it. */
type Exchanged = { readonly orderId: string; readonly replacementId: string; readonly difference: bigint };

/**
 * Sends other goods for goods that come back. The order of what is sent is there from the beginning, PENDING, and paid
 * with what the goods that come back cost: their order keeps room for that, and their pieces are awaited, so that they
 * pay for nothing else.
 */
export const exchangeOrderSaga = defineSaga<Exchanging, FoundWaiting, Exchanged, typeof entities>({
  name: "exchange-order",
  steps: [
    reserveStock,
    authorizePayment,
    {
      name: "commit-reservation",
      async run({ sagaId, scope }) {
        await scope.mesh(InventoryService).commitReservation({ reservationId: sagaId });
        return undefined;
      },
    },
  ],
  async complete({ sagaId, input, data: { waiting } }, tx) {
    const { orderId, refundId, lines, sentFirst, difference, missing, reason, actorId } = input;
    await lockOrder(tx, orderId);
    if (waiting !== undefined) await keepWaiting(tx, sagaId, waiting);
    const replacement = await moveOrder(tx, sagaId, "PENDING", "CONFIRMED", "", actorId);
    tellSetAside(tx, { ...replacement, actorId }, sagaId, missing);
    const returned = await tx.sql
      .insertInto("order_return")
      .values({
        id: uuidv7(),
        order_id: orderId,
        state: "APPROVED",
        lines: json(lines),
        note: reason,
        refund_id: refundId,
        exchange_order_id: sagaId,
        sent_first: sentFirst,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    const order = await storeChange(tx, orderId);
    tellOfReturn(tx, order, returned, actorId, "Goods shall be sent back");
    const text = `Order ${replacement.number} replaces goods that come back`;
    writeDown(tx, { orderId, kind: "EXCHANGED", text, actorId, referenceId: returned.id });
    const told = { customerId: order.customer_id ?? "", email: order.email };
    tx.emit(OrderConfirmedSchema, { ...told, orderId: sagaId, order: toOrder(replacement) });
    tx.emit(OrderExchangedSchema, {
      ...told,
      orderId,
      replacementOrderId: sagaId,
      replacement: toOrder(replacement),
      difference: money(difference, order.currency),
    });
    return { orderId, replacementId: sagaId, difference };
  },
  async abandon({ sagaId, input: { orderId, refundId, lines } }, error, tx) {
    await lockOrder(tx, orderId);
    await letGo(tx, { lines });
    await failRefund(tx, orderId, refundId);
    await moveOrder(tx, sagaId, "PENDING", "CANCELLED", error.reason || codeName(error.code));
  },
});

/** Goods as they were exchanged. */
export interface ExchangedOrder {
  /** The order whose goods come back. */
  readonly order: StoredOrder;
  /** The order of what is sent instead. */
  readonly replacement: StoredOrder;
  readonly returned: StoredReturn | undefined;
  /** What it cost, in minor units: negative when money is given back. */
  readonly difference: bigint;
}

/**
 * Sends other goods for goods that come back, or nothing of it. Under the call's idempotency key there is one exchange.
 *
 * @param shop what orders are handled with
 * @param sagas order's sagas
 * @param scope the call
 * @param exchange what staff asks for
 * @throws SoukError ORDER_NOT_FOUND, ORDER_NOT_RETURNABLE, what planExchange throws, PAYMENT_MISSING, OUT_OF_STOCK,
 *   PAYMENT_DECLINED or PAYMENT_UNAVAILABLE; DEADLINE_EXCEEDED while it is not known how it ends
 */
export async function exchangeOrder(
  shop: Shop,
  sagas: Sagas,
  scope: Scope,
  exchange: Exchange,
): Promise<ExchangedOrder> {
  const { currency, customer_groups: groups } = await requireOrder(shop.db.sql, exchange.orderId);
  const ids = exchange.sentLines.map(({ variantId }) => variantId);
  const variants = await shop.readSaleVariants(scope, { currency, groups }, ids);
  const id = uuidv7();
  const done = await sagas.execute(scope, exchangeOrderSaga, {
    id,
    async prepare(tx) {
      const order = await lockOrder(tx, exchange.orderId);
      requireMay("return", order);
      const { pieces, refund, reckoned, difference, missing } = planExchange(shop, order, exchange, variants);
      requirePaid(order, missing, exchange.paymentToken);
      const { reason, sentFirst } = exchange;
      const lines = pieces.map(({ line, count }): StoredReturnLine => {
        return { lineId: line.id, quantity: String(count), restocked: "0", writtenOff: "0", reason: "OTHER" };
      });
      await keepPieces(tx, lines);
      const refundId = uuidv7();
      const shares = beginRefund(tx, order, { ...refund, id: refundId, reason, exchangeOrderId: id });
      const actorId = actorOf(scope);
      insertReplacement(tx, order, { id, reckoned, shares, missing, actorId });
      const stock = reckoned.lines.map((line) => ({ variantId: line.variant_id, quantity: line.quantity }));
      return {
        ...needsOf(shop, order, stock, missing, exchange.paymentToken),
        orderId: order.id,
        refundId,
        lines,
        sentFirst,
        difference,
        reason,
        actorId,
      };
    },
  });
  const [order, replacement] = await Promise.all([
    requireOrder(shop.db.sql, done.orderId),
    requireOrder(shop.db.sql, done.replacementId),
  ]);
  const returned = order.returns.find(({ exchange_order_id }) => exchange_order_id === replacement.id);
  return { order, replacement, returned, difference: done.difference };
}

/** The pieces are on their way back from now on, so that nobody sends them back twice. */
async function keepPieces({ sql: db }: OrderTransaction, lines: readonly StoredReturnLine[]): Promise<void> {
  await Promise.all(
    lines.map(({ lineId, quantity }) =>
      db
        .updateTable("order_line")
        .set({ awaited: sql<bigint>`awaited + ${quantity}::bigint` })
        .where("id", "=", lineId)
        .execute(),
    ),
  );
}

/** The order of what is sent instead, which is paid first with what the goods that come back cost. */
function insertReplacement(tx: OrderTransaction, order: StoredOrder, made: Replacement): void {
  const { id, reckoned, shares, missing, actorId } = made;
  const exchanged = shares.map(({ paymentId, amount }): StoredPayment => {
    return { paymentId, amount: String(amount), captured: "0", refunded: "0", exchanged: true };
  });
  const replacement = {
    ...reckoned,
    id,
    number: newOrderNumber(),
    customer_id: order.customer_id,
    order_token_hash: order.order_token_hash,
    cart_id: null,
    customer_groups: order.customer_groups,
    exchange_of_order_id: order.id,
    email: order.email,
    currency: order.currency,
    coupon_codes: [],
    means: [],
    payments: [...exchanged, ...paymentOf(id, missing)],
    shipping_address: order.shipping_address,
    billing_address: order.billing_address,
    vat_id: order.vat_id,
  };
  insertOrder(tx, replacement, actorId);
}

interface Replacement {
  readonly id: string;
  readonly reckoned: Reckoned;
  readonly shares: readonly Share[];
  readonly missing: bigint;
  readonly actorId: string;
}
