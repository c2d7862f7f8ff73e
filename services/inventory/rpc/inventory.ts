import { create } from "@bufbuild/protobuf";
import { type Duration, durationMs, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { AdjustStockResponseSchema, type InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import type { Implementation } from "#kit/rpc/implement.ts";
import { adjustStock } from "../adjust-stock.ts";
import { commitReservation } from "../commit-reservation.ts";
import type { InventoryDatabase } from "../database.ts";
import { getStock, type Level } from "../get-stock.ts";
import { releaseReservation } from "../release-reservation.ts";
import { reserveStock } from "../reserve-stock.ts";

/** Serves souk.inventory.v1.InventoryService. */
export function inventoryRpc(db: InventoryDatabase) {
  return {
    async getStock({ variantIds }) {
      return { levels: (await getStock(db, variantIds)).map(toStockLevel) };
    },

    adjustStock({ variantId, delta, reason }, call) {
      return adjustStock(db, call, { variantId, delta, note: reason }, (level) =>
        create(AdjustStockResponseSchema, { level: toStockLevel(level) }),
      );
    },

    async reserveStock({ reservationId, lines, ttl }) {
      const wanted = { id: reservationId, lines, ttlMs: durationMs(ttl as Duration) };
      return { expireTime: timestampFromDate(await reserveStock(db, wanted)) };
    },

    async commitReservation({ reservationId }) {
      await commitReservation(db, reservationId);
      return {};
    },

    async releaseReservation({ reservationId }) {
      await releaseReservation(db, reservationId);
      return {};
    },
  } satisfies Partial<Implementation<typeof InventoryService>>;
}

function toStockLevel({ variantId, available, reserved }: Level) {
  return { variantId, available, reserved, onHand: available + reserved };
}
