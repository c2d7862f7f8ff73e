import { uuidv7 } from "uuidv7";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { OrderEditedSchema } from "#gen/souk/order/v1/events_pb.ts";
import { money } from "#kit/money.ts";
import { defineSaga } from "#kit/saga/define-saga.ts";
import type { Sagas } from "#kit/saga/sagas.ts";
import type { Scope } from "#kit/scope.ts";
import { type FoundWaiting, keepWaiting, waitingOf } from "../back-orders.ts";
import type { SaleVariants } from "../cart/sale-variants.ts";
import { keepFor, lockForChange, lockOrder, requireOrder, storeChange } from "../change-order.ts";
import type { OrderTransaction } from "../database.ts";
import { formatMoney } from "../documents/format-money.ts";
import type { entities } from "../entities.ts";
import { json } from "../json-column.ts";
import { paymentOf } from "../new-order.ts";
import { toOrder } from "../order-message.ts";
import type { StoredOrder } from "../order-parts.ts";
import { promotionsOf } from "../promotions/use-promotions.ts";
import type { Shop } from "../shop.ts";
import { actorOf, writeDown } from "../timeline.ts";
import { stockChangeError } from "../translate-error.ts";
import { freeWayOf } from "./exchanges.ts";
import { type Edit, type EditPlan, editedOrder, planEdit, requirePaid } from "./plan-edit.ts";
import type { ReckonedLine } from "./reckon-order.ts";
import { authorizePayment, type Needs, needsOf, reserveStock } from "./set-aside.ts";
import { tellSetAside } from "./tell-money.ts";

/** What the saga of an edit is started with. */
type Editing = Needs & {
  readonly orderId: string;
  readonly plan: Omit<EditPlan, "address">;
  readonly shippingAddress: StoredOrder["shipping_address"];
  readonly actorId: string;
  /** What changes, in words. */
  readonly text: string;
};

/** What becomes of it. */
type Edited = { readonly orderId: string; readonly difference: bigint };

/**
 * Changes an order of which nothing is sent. What it needs in addition is set aside first, apart from the order; when
 * all of that is certain, its stock changes at once, and nothing is left that could fail for good. Money that it does
 * not need any more is free when its last pieces are sent, for no provider sets a part of it free.
 */
export const editOrderSaga = defineSaga<Editing, FoundWaiting, Edited, typeof entities>({
  name: "edit-order",
  steps: [
    reserveStock,
    authorizePayment,
    {
      name: "change-reservation",
      attempts: Number.POSITIVE_INFINITY,
      async run({ sagaId, input: { orderId, stock, plan }, scope }) {
        if (stock.length === 0 && plan.less.length === 0) return undefined;
        const request = {
          reservationId: orderId,
          changeId: sagaId,
          mergedReservationId: stock.length > 0 ? sagaId : "",
          lines: [...plan.less],
        };
        const changing = scope.mesh(InventoryService).changeReservation(request);
        return { waiting: waitingOf(await changing.catch(stockChangeError)) };
      },
    },
  ],
  async complete({ sagaId, input, data: { waiting } }, tx) {
    const { orderId, plan, shippingAddress, missing, actorId, text } = input;
    const { lines, ...totals } = plan.reckoned;
    await lockOrder(tx, orderId);
    await storeLines(tx, orderId, lines);
    if (waiting !== undefined) await keepWaiting(tx, orderId, waiting);
    const order = await storeChange(tx, orderId, ({ payments }) => ({
      ...totals,
      shipping_discounts: json(totals.shipping_discounts),
      shipping_taxes: json(totals.shipping_taxes),
      discounts: json(totals.discounts),
      taxes: json(totals.taxes),
      shipping_address: shippingAddress,
      payments: json([...payments, ...paymentOf(sagaId, missing)]),
      cancelled_total: 0n,
      changing: null,
    }));
    tellSetAside(tx, { ...order, actorId }, sagaId, missing);
    writeDown(tx, {
      orderId,
      kind: "EDITED",
      text,
      actorId,
      referenceId: missing > 0n ? sagaId : "",
    });
    tx.emit(OrderEditedSchema, {
      orderId,
      customerId: order.customer_id ?? "",
      email: order.email,
      difference: money(plan.difference, order.currency),
      order: toOrder(order),
    });
    return { orderId, difference: plan.difference };
  },
  async abandon({ input: { orderId } }, _, tx) {
    keepFor(tx, orderId, null);
  },
});

/** An order as it was changed. */
export interface EditedOrder {
  readonly order: StoredOrder;
  /** What the change cost, in minor units: negative when the order costs less. */
  readonly difference: bigint;
}

/**
 * Changes an order of which nothing is sent, or nothing of it. Under the call's idempotency key there is one change.
 *
 * @param shop what orders are handled with
 * @param sagas order's sagas
 * @param scope the call
 * @param edit what staff asks for
 * @throws SoukError ORDER_NOT_FOUND, ORDER_BEING_CHANGED, ETAG_MISMATCH, what planEdit throws, PAYMENT_MISSING,
 *   OUT_OF_STOCK, PAYMENT_DECLINED or PAYMENT_UNAVAILABLE; DEADLINE_EXCEEDED while it is not known how it ends
 */
export async function editOrder(shop: Shop, sagas: Sagas, scope: Scope, edit: Edit): Promise<EditedOrder> {
  const variants = await readAdded(shop, scope, edit);
  const id = uuidv7();
  const { orderId, difference } = await sagas.execute(scope, editOrderSaga, {
    id,
    async prepare(tx) {
      const { order, plan } = await planLocked(shop, tx, edit, variants);
      requirePaid(order, plan.missing, edit.paymentToken);
      keepFor(tx, order.id, id);
      const { shipping_address: shippingAddress } = editedOrder(order, plan);
      const { address: _, ...rest } = plan;
      return {
        ...needsOf(shop, order, plan.more, plan.missing, edit.paymentToken),
        orderId: order.id,
        plan: rest,
        shippingAddress,
        actorId: actorOf(scope),
        text: inWords(order, plan, edit.reason),
      };
    },
  });
  return { order: await requireOrder(shop.db.sql, orderId), difference };
}

/**
 * Says what an order would be and cost if it were changed.
 *
 * @param shop what orders are handled with
 * @param scope the call
 * @param edit what staff asks for
 * @param answer makes the answer, which is kept under the call's idempotency key
 * @throws SoukError ORDER_NOT_FOUND, ORDER_BEING_CHANGED, ETAG_MISMATCH, or what planEdit throws
 */
export async function tryEdit<R>(
  shop: Shop,
  scope: Scope,
  edit: Edit,
  answer: (edited: EditedOrder) => R,
): Promise<R> {
  const variants = await readAdded(shop, scope, edit);
  return shop.db.write(scope, async (tx) => {
    const { order, plan } = await planLocked(shop, tx, edit, variants);
    return answer({ order: editedOrder(order, plan), difference: plan.difference });
  });
}

/** No transaction waits for product. */
async function readAdded(shop: Shop, scope: Scope, { orderId, addedLines }: Edit): Promise<SaleVariants> {
  const { currency, customer_groups: groups } = await requireOrder(shop.db.sql, orderId);
  const ids = addedLines.map(({ variantId }) => variantId);
  return shop.readSaleVariants(scope, { currency, groups }, ids);
}

async function planLocked(
  shop: Shop,
  tx: OrderTransaction,
  edit: Edit,
  variants: SaleVariants,
): Promise<{ order: StoredOrder; plan: EditPlan }> {
  const order = await lockForChange(tx, "edit", edit.orderId, edit.etag);
  const [offers, freeWay] = await Promise.all([promotionsOf(tx.sql, order.id), freeWayOf(tx.sql, order)]);
  return { order, plan: planEdit(shop, order, edit, { offers, variants, freeWay }) };
}

/** Nothing is sent of an order that is edited, so that its lines are no more than what was reckoned. */
async function storeLines(
  { sql: db }: OrderTransaction,
  orderId: string,
  lines: readonly ReckonedLine[],
): Promise<void> {
  await db.deleteFrom("order_line").where("order_id", "=", orderId).execute();
  const rows = lines.map((line, position) => ({
    ...line,
    discounts: json(line.discounts),
    taxes: json(line.taxes),
    order_id: orderId,
    position,
  }));
  await db.insertInto("order_line").values(rows).execute();
}

/** What changes, for people. */
function inWords(order: StoredOrder, plan: EditPlan, reason: string): string {
  const { reckoned, difference } = plan;
  const before = new Map(order.lines.map((line) => [line.id, line.quantity - line.cancelled]));
  const changes = reckoned.lines.flatMap(({ id, title, quantity }) => {
    const was = before.get(id);
    if (was === undefined) return `${quantity} × ${title} added`;
    return was === quantity ? [] : `${quantity} × ${title} instead of ${was}`;
  });
  const kept = new Set(reckoned.lines.map(({ id }) => id));
  const removed = order.lines.filter(({ id }) => !kept.has(id) && (before.get(id) ?? 0n) > 0n);
  changes.push(...removed.map(({ title }) => `${title} removed`));
  if (plan.isElsewhere) changes.push("sent to another address");
  if (reckoned.shipping_method !== order.shipping_method) changes.push(`sent by ${reckoned.shipping_method}`);
  const amount = formatMoney(difference < 0n ? -difference : difference, order.currency);
  if (difference !== 0n) changes.push(`it costs ${amount} ${difference > 0n ? "more" : "less"}`);
  return `The order was changed: ${changes.join("; ")}${reason === "" ? "" : ` (${reason})`}`;
}
