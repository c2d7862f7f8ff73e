import type { OrderService } from "#gen/souk/order/v1/order_pb.ts";
import { decodePageToken, encodePageToken, UUID } from "#kit/data/page-token.ts";
import { requireUser } from "#kit/principal.ts";
import type { Implementation } from "#kit/rpc/implement.ts";
import type { Sagas } from "#kit/saga/sagas.ts";
import { cancelOrder } from "../cancel-order.ts";
import type { OrderChanges } from "../order-changes.ts";
import { toOrder } from "../order-message.ts";
import { listOrdersOf, requireOrderOf } from "../orders.ts";
import type { Shop } from "../shop.ts";
import { watchOrder } from "../watch-order.ts";

/** How many orders a page has when the caller does not say. */
const PAGE_SIZE = 20;

/** Serves souk.order.v1.OrderService. */
export function orderRpc(shop: Shop, sagas: Sagas, changes: OrderChanges) {
  return {
    async getOrder({ id }, call) {
      return { order: toOrder(await requireOrderOf(shop.db.sql, id, requireUser(call).id)) };
    },

    async listMyOrders({ pageSize, pageToken }, call) {
      const { id: customerId } = requireUser(call);
      const list = `orders of ${customerId}`;
      const limit = pageSize || PAGE_SIZE;
      const [before] = decodePageToken(list, pageToken, [UUID]);
      // One more than asked for tells whether there is a next page.
      const found = await listOrdersOf(shop.db.sql, customerId, limit + 1, before);
      const orders = found.slice(0, limit);
      const last = found.length > limit ? orders.at(-1) : undefined;
      return {
        orders: orders.map(toOrder),
        nextPageToken: last && encodePageToken(list, [last.id]),
      };
    },

    async cancelOrder({ id, reason }, call) {
      const cancellation = { id: id.toLowerCase(), customerId: requireUser(call).id, reason };
      return { order: toOrder(await cancelOrder(shop, sagas, changes, call, cancellation)) };
    },

    async *watchOrder({ id }, call) {
      for await (const order of watchOrder(shop, changes, call, id.toLowerCase(), requireUser(call).id)) {
        yield { order: toOrder(order) };
      }
    },
  } satisfies Partial<Implementation<typeof OrderService>>;
}
