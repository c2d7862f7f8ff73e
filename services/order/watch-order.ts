import type { Scope } from "#kit/scope.ts";
import type { Owner } from "./cart/shopper.ts";
import { requireOrder } from "./change-order.ts";
import type { OrderSql } from "./database.ts";
import { type OrderChanges, POLL_MS } from "./order-changes.ts";
import type { StoredOrder } from "./order-parts.ts";
import { hasEnded } from "./order-state.ts";
import { requireOwnOrder } from "./own-order.ts";
import type { Shop } from "./shop.ts";

/** Which order somebody watches. */
export interface Watched {
  readonly id: string;
  /** Whose it must be. */
  readonly asker: Owner;
  /** As the caller knows it, to go on after a break; "" where the caller knows nothing yet. */
  readonly etag: string;
}

/**
 * Tells an order as it is, unless the caller knows it so, then again after each change, until it has ended or nobody
 * listens any more.
 *
 * @param shop what orders are handled with
 * @param changes tells when to look again
 * @param scope the call
 * @param watched the order
 * @throws SoukError ORDER_NOT_FOUND
 */
export async function* watchOrder(
  shop: Shop,
  changes: OrderChanges,
  scope: Scope,
  { id, asker, etag }: Watched,
): AsyncGenerator<StoredOrder> {
  const { sql } = shop.db;
  // Before the first look, so that no change falls between the two.
  const watch = changes.watch(id);
  try {
    let told = etag;
    // A token counts when the watching begins: a guest who has found the order anew since is told on.
    for (let order = await requireOwnOrder(sql, id, asker); ; order = await requireOrder(sql, id)) {
      const version = String(order.version);
      if (version !== told) yield order;
      if (hasEnded(order.state)) return;
      told = version;
      do await watch.next(POLL_MS, scope.signal);
      while (!scope.signal.aborted && (await versionOf(sql, id)) === told);
      if (scope.signal.aborted) return;
    }
  } finally {
    watch.close();
  }
}

async function versionOf(db: OrderSql, id: string): Promise<string> {
  const row = await db.selectFrom("orders").select("version").where("id", "=", id).executeTakeFirst();
  return String(row?.version);
}
