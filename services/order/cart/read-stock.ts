import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import type { RootScope } from "#kit/rpc/root-scope.ts";
import type { Scope } from "#kit/scope.ts";

/** How much of each variant an order could get now, also on back-order; left out where it cannot be too little, or is not known. */
export type Stock = ReadonlyMap<string, bigint>;

/**
 * Asks inventory what is in stock. A cart is shown all the same when inventory does not answer in time: whether
 * there is enough is decided when the order is placed.
 *
 * @param scope the work
 * @param ids the variants, 200 at most
 */
export type ReadStock = (scope: Scope, ids: readonly string[]) => Promise<Stock>;

/** How long a cart waits for inventory, in ms. */
const ASK_MS = 500;

/**
 * Makes what asks inventory.
 *
 * @param rootScope makes the scope of the question, which needs no rights of who asks
 */
export function stockReader(rootScope: RootScope): ReadStock {
  return async ({ requestId, traceparent, log }, ids) => {
    if (ids.length === 0) return new Map();
    const scope = rootScope({ requestId, timeoutMs: ASK_MS, ...(traceparent && { traceparent }) });
    try {
      const { levels } = await scope.mesh(InventoryService).getStock({ variantIds: [...new Set(ids)] });
      return new Map(
        levels.flatMap(({ variantId, available, backOrdersLeft: more }) =>
          more === undefined ? [] : [[variantId, available + more] as const],
        ),
      );
    } catch (error) {
      log.debug({ err: error }, "a cart is shown without what is in stock");
      return new Map();
    }
  };
}
