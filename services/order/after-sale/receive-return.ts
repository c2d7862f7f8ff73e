import { sql } from "kysely";
import { uuidv7 } from "uuidv7";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { isRefusal, isRetryable, toSoukError } from "#kit/error.ts";
import { defineSaga } from "#kit/saga/define-saga.ts";
import type { Sagas } from "#kit/saga/sagas.ts";
import type { Scope } from "#kit/scope.ts";
import { lockOrder, requireEtag, requireOrder, storeChange } from "../change-order.ts";
import type { entities } from "../entities.ts";
import { ErrorReason, ErrorReasonSchema, refuse } from "../errors.ts";
import { type OrderChanges, POLL_MS } from "../order-changes.ts";
import type { StoredOrder, StoredReturn } from "../order-parts.ts";
import { requireMay } from "../order-state.ts";
import type { Shop } from "../shop.ts";
import { actorOf } from "../timeline.ts";
import { stockReturnError } from "../translate-error.ts";
import type { StoredReturnLine } from "./after-sale.ts";
import { beginRefund, failRefund, settleRefund } from "./book-refund.ts";
import { findReplacement, type Replacement, settleReplacement } from "./exchanges.ts";
import { giveBack, setFree } from "./move-money.ts";
import type { Share } from "./order-payments.ts";
import { planReturnRefund, type Receipt, receivedLines } from "./plan-receipt.ts";
import { lockReturn, returnConflict, storeReturn, tellOfReturn } from "./returns.ts";
import { tellFreed } from "./tell-money.ts";

/** What the saga of a receipt is started with; its id is the refund's. */
type Receiving = {
  readonly returnId: string;
  readonly orderId: string;
  readonly actorId: string;
  readonly locationId: string;
  readonly stock: readonly {
    readonly variantId: string;
    readonly quantity: bigint;
    readonly writeOff: boolean;
  }[];
  readonly lines: readonly StoredReturnLine[];
  /** What is given back of which payment. */
  readonly shares: readonly Share[];
  /** Pieces that cost nothing, so that nothing is given back for them. */
  readonly free: readonly { readonly lineId: string; readonly quantity: bigint }[];
  readonly currency: string;
  /** The refund that pays for the order that replaces the goods; "" where they are not exchanged. */
  readonly exchangeRefundId: string;
  /** The order that replaces them, where one does. */
  readonly replacement?: Replacement | undefined;
};

/** What steps find out for later ones. */
type Found = {
  /** Of how many payments money goes back. */
  readonly given: number;
  /** The payments of what replaces the goods whose rest the provider refused to give back. */
  readonly kept: readonly string[];
};
/** What becomes of it. */
type Received = { readonly orderId: string };

/**
 * Books what came back, and gives the money back. The goods come first, for only they can be booked wrongly; that
 * they are here stays true when the money cannot be given back this way, and then staff gives it back another way.
 */
export const receiveReturnSaga = defineSaga<Receiving, Found, Received, typeof entities>({
  name: "receive-return",
  steps: [
    {
      name: "return-stock",
      attempts: Number.POSITIVE_INFINITY,
      async run({ input: { returnId, locationId, stock }, scope }) {
        const request = { returnId, locationId, lines: [...stock] };
        await scope.mesh(InventoryService).returnStock(request).catch(stockReturnError);
        return undefined;
      },
    },
    {
      name: "refund-payment",
      attempts: Number.POSITIVE_INFINITY,
      async run({ input: { shares, currency }, scope }) {
        try {
          return { given: await giveBack(scope, shares, { currency }) };
        } catch (caught) {
          if (isRetryable(toSoukError(caught))) throw caught;
          return { given: 0 };
        }
      },
    },
    {
      name: "release-rest",
      attempts: Number.POSITIVE_INFINITY,
      async run({ input: { replacement, currency }, scope }) {
        return { kept: await setFree(scope, replacement?.freeings ?? [], currency) };
      },
    },
  ],
  async complete({ sagaId, input, data }, tx) {
    const { orderId, returnId, lines, shares, free, actorId, exchangeRefundId, replacement } = input;
    // Before the order of the goods, as by who sends or cancels it.
    if (replacement !== undefined) {
      await settleReplacement(tx, replacement, actorId, data.kept);
      const moved = { id: replacement.orderId, currency: input.currency, actorId };
      tellFreed(tx, moved, replacement.freeings, data.kept);
    }
    await lockOrder(tx, orderId);
    await Promise.all(
      lines.map(({ lineId, quantity, restocked, writtenOff }) =>
        tx.sql
          .updateTable("order_line")
          .set({
            awaited: sql<bigint>`awaited - ${quantity}::bigint`,
            returned: sql<bigint>`returned + ${restocked}::bigint + ${writtenOff}::bigint`,
          })
          .where("id", "=", lineId)
          .execute(),
      ),
    );
    await Promise.all(
      free.map(({ lineId, quantity }) =>
        tx.sql
          .updateTable("order_line")
          .set({ refunded: sql<bigint>`least(refunded + ${quantity}::bigint, shipped)` })
          .where("id", "=", lineId)
          .execute(),
      ),
    );
    const received = await storeReturn(tx, returnId, {
      state: "RECEIVED",
      lines,
      refund_id: exchangeRefundId || (shares.length === 0 ? null : sagaId),
    });
    if (exchangeRefundId !== "") await settleRefund(tx, orderId, exchangeRefundId, actorId);
    if (shares.length === 0) await storeChange(tx, orderId);
    else if (data.given === 0) await failRefund(tx, orderId, sagaId);
    else await settleRefund(tx, orderId, sagaId, actorId, data.given);
    const order = await lockOrder(tx, orderId);
    tellOfReturn(tx, order, received, actorId, "The goods came back");
    return { orderId };
  },
  async abandon({ sagaId, input: { orderId, returnId, shares } }, _, tx) {
    await lockOrder(tx, orderId);
    if (shares.length > 0) await failRefund(tx, orderId, sagaId);
    await storeReturn(tx, returnId, { state: "APPROVED" });
  },
});

/**
 * Books what came back of a return and gives the money back; one that is received stays so. Of calls that come at
 * once, one does it and the others wait for it.
 *
 * @param shop what orders are handled with
 * @param sagas order's sagas
 * @param changes tells when an order changed
 * @param scope the call
 * @param receipt what staff books
 * @returns the return and its order as they are then
 * @throws SoukError RETURN_NOT_FOUND, RETURN_STATE_CONFLICT, ETAG_MISMATCH, ORDER_NOT_RETURNABLE, LINE_NOT_FOUND,
 *   QUANTITY_EXCEEDED, CURRENCY_MISMATCH, REFUND_EXCEEDED, RETURN_NOT_BOOKED, or ORDER_BEING_CHANGED where an order that
 *   replaces the goods is
 */
export async function receiveReturn(
  shop: Shop,
  sagas: Sagas,
  changes: OrderChanges,
  scope: Scope,
  receipt: Receipt,
): Promise<{ order: StoredOrder; stored: StoredReturn }> {
  for (;;) {
    const found = await findReturn(shop, receipt.id);
    const watch = changes.watch(found.order.id);
    try {
      if (found.stored.state === "RECEIVED") return found;
      if (found.stored.state === "RECEIVING") await watch.next(POLL_MS, scope.signal);
      else await beginReceiving(sagas, scope, receipt);
      scope.signal.throwIfAborted();
    } finally {
      watch.close();
    }
  }
}

async function findReturn(shop: Shop, id: string): Promise<{ order: StoredOrder; stored: StoredReturn }> {
  const row = await shop.db.sql
    .selectFrom("order_return")
    .select("order_id")
    .where("id", "=", id)
    .executeTakeFirst();
  const order = row && (await requireOrder(shop.db.sql, row.order_id));
  const stored = order?.returns.find((each) => each.id === id);
  if (order !== undefined && stored !== undefined) return { order, stored };
  throw refuse(ErrorReason.RETURN_NOT_FOUND, `there is no return ${id}; read the order to see its returns`);
}

/** Receives it, unless another call does: the state of the return then tells. */
async function beginReceiving(sagas: Sagas, scope: Scope, receipt: Receipt): Promise<void> {
  const id = uuidv7();
  let isTaken = false;
  try {
    await sagas.execute(scope, receiveReturnSaga, {
      id,
      async prepare(tx) {
        const { order, stored } = await lockReturn(tx, receipt.id);
        isTaken = stored.state === "RECEIVING" || stored.state === "RECEIVED";
        if (stored.state !== "APPROVED") throw returnConflict(stored, ["APPROVED"]);
        requireEtag("return", stored, receipt.etag);
        requireMay("return", order);
        const replacement = await findReplacement(tx, stored);
        const lines = receivedLines(stored, receipt.items);
        const refund = planReturnRefund(order, stored, lines, receipt);
        const isFree = refund.amount === 0n;
        const shares = isFree ? [] : beginRefund(tx, order, { ...refund, id });
        await storeReturn(tx, stored.id, { state: "RECEIVING" });
        return {
          returnId: stored.id,
          orderId: order.id,
          actorId: actorOf(scope),
          locationId: receipt.locationId,
          stock: stockOf(order, lines),
          lines,
          shares,
          free: isFree ? refund.lines.map(({ line, count }) => ({ lineId: line.id, quantity: count })) : [],
          currency: order.currency,
          exchangeRefundId: stored.exchange_order_id === null ? "" : (stored.refund_id ?? ""),
          replacement,
        };
      },
    });
  } catch (error) {
    if (!isTaken || !isRefusal(error, ErrorReasonSchema, ErrorReason.RETURN_STATE_CONFLICT)) throw error;
  }
}

function stockOf(order: StoredOrder, lines: readonly StoredReturnLine[]): Receiving["stock"] {
  return lines.flatMap(({ lineId, restocked, writtenOff }) => {
    const variantId = order.lines.find(({ id }) => id === lineId)?.variant_id ?? "";
    return [
      { variantId, quantity: BigInt(restocked), writeOff: false },
      { variantId, quantity: BigInt(writtenOff), writeOff: true },
    ].filter(({ quantity }) => quantity > 0n);
  });
}
