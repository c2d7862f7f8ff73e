import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  StartStockTakeResponseSchema,
  type StockTakeService,
  StockTakeState,
} from "#gen/souk/inventory/v1/stock_take_pb.ts";
import { UUID } from "#kit/data/page-token.ts";
import type { Implementation } from "#kit/rpc/implement.ts";
import { completeStockTake } from "../complete-stock-take.ts";
import type { InventoryDatabase } from "../database.ts";
import type { StockTakeStateName } from "../entities.ts";
import { given, nameOf, pageOf } from "../requests.ts";
import {
  cancelStockTake,
  listStockTakeLines,
  listStockTakes,
  recordCount,
  requireStockTake,
  type StoredStockTake,
  startStockTake,
} from "../stock-takes.ts";

/** Serves souk.inventory.v1.StockTakeService. */
export function stockTakeRpc(db: InventoryDatabase) {
  return {
    startStockTake({ locationId, variantIds, note }, call) {
      const begun = { locationId: locationId.toLowerCase(), variantIds, note };
      return startStockTake(db, call, begun, (stockTake) =>
        create(StartStockTakeResponseSchema, { stockTake: toStockTake(stockTake) }),
      );
    },

    async recordCount({ id, lines }, call) {
      return { stockTake: toStockTake(await recordCount(db, call, id, lines)) };
    },

    async completeStockTake({ id }, call) {
      return { stockTake: toStockTake(await completeStockTake(db, call, id)) };
    },

    async cancelStockTake({ id }, call) {
      return { stockTake: toStockTake(await cancelStockTake(db, call, id)) };
    },

    async getStockTake(request, call) {
      const id = request.id.toLowerCase();
      const stockTake = await requireStockTake(db.sql, id);
      const { items, nextPageToken } = await pageOf(
        request,
        `${call.method} ${id}`,
        [UUID],
        (limit, [after]) => listStockTakeLines(db.sql, id, limit, after),
        (line) => [line.variant_id],
      );
      return {
        stockTake: toStockTake(stockTake),
        lines: items.map(({ variant_id, expected, counted }) => ({
          variantId: variant_id,
          expected,
          counted: counted ?? 0n,
          recorded: counted !== null,
        })),
        nextPageToken,
      };
    },

    async listStockTakes(request, call) {
      const state = nameOf<StockTakeStateName>(StockTakeState, request.state);
      const filter = { ...given("locationId", request.locationId), ...(state && { state }) };
      const { items, nextPageToken } = await pageOf(
        request,
        `${call.method} ${JSON.stringify(filter)}`,
        [UUID],
        (limit, [before]) => listStockTakes(db.sql, filter, limit, before),
        ({ id }) => [id],
      );
      return { stockTakes: items.map(toStockTake), nextPageToken };
    },
  } satisfies Implementation<typeof StockTakeService>;
}

function toStockTake(stockTake: StoredStockTake) {
  const { id, location_id, state, note, create_time, end_time, counted_variants, difference } = stockTake;
  return {
    id,
    locationId: location_id,
    state: StockTakeState[state],
    note,
    countedVariants: counted_variants,
    difference,
    createTime: timestampFromDate(create_time),
    ...(end_time !== null && { endTime: timestampFromDate(end_time) }),
  };
}
