import { create } from "@bufbuild/protobuf";
import type { OrderService } from "#gen/souk/order/v1/order_pb.ts";
import { RequestReturnResponseSchema, ReturnReasonSchema } from "#gen/souk/order/v1/return_pb.ts";
import { decodePageToken, encodePageToken, UUID } from "#kit/data/page-token.ts";
import { type Principal, requireUser } from "#kit/principal.ts";
import type { Implementation } from "#kit/rpc/implement.ts";
import type { Sagas } from "#kit/saga/sagas.ts";
import type { Scope } from "#kit/scope.ts";
import type { ReturnReasonName } from "../after-sale/after-sale.ts";
import { toEntry, toReturn } from "../after-sale/after-sale-message.ts";
import { cancelOrder } from "../after-sale/cancel-order.ts";
import { decideReturn } from "../after-sale/decide-return.ts";
import { requestReturn } from "../after-sale/returns.ts";
import { requireOrder } from "../change-order.ts";
import { printInvoice } from "../documents/invoice-document.ts";
import { findGuestOrder } from "../find-guest-order.ts";
import { listOrdersOf } from "../list-orders.ts";
import type { OrderChanges } from "../order-changes.ts";
import { toOrder } from "../order-message.ts";
import type { StoredOrder } from "../order-parts.ts";
import { askerOf, requireOwnOrder } from "../own-order.ts";
import type { Shop } from "../shop.ts";
import { readTimeline } from "../timeline.ts";
import { watchOrder } from "../watch-order.ts";

/** How many of a list a page has when the caller does not say. */
const PAGE_SIZE = 20;

/** Serves what customers call of souk.order.v1.OrderService. */
export function orderRpc(shop: Shop, sagas: Sagas, changes: OrderChanges) {
  const { sql } = shop.db;

  return {
    async getOrder({ id, orderToken }, call) {
      return { order: toOrder(await requireOwnOrder(sql, id, askerOf(call, orderToken))) };
    },

    async listMyOrders({ pageSize, pageToken }, call) {
      const { id: customerId } = requireUser(call);
      const list = `orders of ${customerId}`;
      const limit = pageSize || PAGE_SIZE;
      const [before] = decodePageToken(list, pageToken, [UUID]);
      // One more than asked for tells whether there is a next page.
      const found = await listOrdersOf(sql, customerId, limit + 1, before);
      const orders = found.slice(0, limit);
      const last = found.length > limit ? orders.at(-1) : undefined;
      return {
        orders: orders.map(toOrder),
        nextPageToken: last && encodePageToken(list, [last.id]),
      };
    },

    async cancelOrder({ id, reason, orderToken }, call) {
      const cancellation = { id: id.toLowerCase(), asker: askerOf(call, orderToken), reason };
      return { order: toOrder(await cancelOrder(shop, sagas, changes, call, cancellation)) };
    },

    async *watchOrder({ id, etag, orderToken }, call) {
      const known = { id: id.toLowerCase(), asker: askerOf(call, orderToken), etag };
      for await (const order of watchOrder(shop, changes, call, known)) yield { order: toOrder(order) };
    },

    async findGuestOrder(knowledge, call) {
      const { order, orderToken } = await shop.db.write(call, async (tx) => {
        const found = await findGuestOrder(tx, knowledge);
        tx.about(found.order.id);
        return found;
      });
      return { order: toOrder(order), orderToken };
    },

    async requestReturn({ orderId, items, note, orderToken }, call) {
      const wish = {
        orderId: orderId.toLowerCase(),
        asker: askerOf(call, orderToken),
        items: items.map(({ lineId, quantity, reason }) => ({
          lineId,
          quantity,
          reason: ReturnReasonSchema.value[reason]?.localName as ReturnReasonName,
        })),
        note,
      };
      return shop.db.write(call, async (tx) =>
        create(RequestReturnResponseSchema, {
          return: toReturn(await requestReturn(tx, call, wish, shop.returnPeriodMs)),
        }),
      );
    },

    async cancelReturn({ id, orderToken }, call) {
      const asker = askerOf(call, orderToken);
      const decision = { id: id.toLowerCase(), to: "CANCELLED", asker } as const;
      return { return: toReturn(await shop.db.write(call, (tx) => decideReturn(tx, call, decision))) };
    },

    async listOrderTimeline({ orderId, orderToken, pageSize, pageToken }, call) {
      const id = orderId.toLowerCase();
      await requireVisible(shop, call, id, orderToken);
      const forStaff = mayReadOrders(call.principal);
      const list = `timeline of ${id} ${forStaff}`;
      const limit = pageSize || PAGE_SIZE;
      const [before] = decodePageToken(list, pageToken, [UUID]);
      const found = await readTimeline(sql, id, { forStaff, limit: limit + 1, before });
      const entries = found.slice(0, limit);
      const last = found.length > limit ? entries.at(-1) : undefined;
      return { entries: entries.map(toEntry), nextPageToken: last && encodePageToken(list, [last.id]) };
    },

    async getInvoice({ orderId, orderToken, invoiceId }, call) {
      const order = await requireVisible(shop, call, orderId.toLowerCase(), orderToken);
      return printInvoice(shop, order, invoiceId.toLowerCase());
    },
  } satisfies Partial<Implementation<typeof OrderService>>;
}

/** The order of the customer who asks or of the guest who has its token, or any for those who may read orders. */
function requireVisible(shop: Shop, scope: Scope, id: string, orderToken: string): Promise<StoredOrder> {
  const { sql } = shop.db;
  if (mayReadOrders(scope.principal)) return requireOrder(sql, id);
  return requireOwnOrder(sql, id, askerOf(scope, orderToken));
}

function mayReadOrders(principal: Principal): boolean {
  if (principal.kind === "anonymous") return false;
  return principal.permissions.has("orders:read") || principal.permissions.has("*");
}
