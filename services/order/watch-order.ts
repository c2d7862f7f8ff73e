import type { Scope } from "#kit/scope.ts";
import type { OrderChanges } from "./order-changes.ts";
import { hasEnded } from "./order-state.ts";
import { requireOrderOf, type StoredOrder } from "./orders.ts";
import type { Shop } from "./shop.ts";

/** The net under the notifications: how often an order is looked at anyway, in ms. */
const POLL_MS = 10_000;

/**
 * Tells an order as it is, then again after each change, until it has ended or nobody listens any more.
 *
 * @param shop what orders are handled with
 * @param changes tells when to look again
 * @param scope the call
 * @param id the order
 * @param customerId whose it must be
 * @throws SoukError ORDER_NOT_FOUND
 */
export async function* watchOrder(
  shop: Shop,
  changes: OrderChanges,
  scope: Scope,
  id: string,
  customerId: string,
): AsyncGenerator<StoredOrder> {
  // Before the first look, so that no change falls between the two.
  const watch = changes.watch(id);
  try {
    let told: number | undefined;
    while (!scope.signal.aborted) {
      const order = await requireOrderOf(shop.db.sql, id, customerId);
      if (order.version !== told) yield order;
      if (hasEnded(order.state)) return;
      told = order.version;
      await watch.next(POLL_MS, scope.signal);
    }
  } finally {
    watch.close();
  }
}
