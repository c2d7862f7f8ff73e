import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { StockTakeService } from "#gen/souk/inventory/v1/stock_take_pb.ts";
import { ProductChangedSchema } from "#gen/souk/product/v1/events_pb.ts";
import { on } from "#kit/events/subscription.ts";
import { job } from "#kit/jobs/job.ts";
import { implement } from "#kit/rpc/implement.ts";
import { defineService } from "#kit/service.ts";
import { inventorySettings } from "./config.ts";
import { entities } from "./entities.ts";
import { expireReservations } from "./expire-reservations.ts";
import { migrations } from "./migrations/index.ts";
import { openStock } from "./open-stock.ts";
import { inventoryRpc } from "./rpc/inventory.ts";

/** Stock: how much there is of each variant, and who it is promised to. */
export const inventory = defineService({
  name: "inventory",
  port: 3006,
  settings: inventorySettings,
  data: { entities, migrations },
  serve: ({ db }) => [
    implement(InventoryService, inventoryRpc(db), [
      "watchStock",
      "listStock",
      "listMovements",
      "transferStock",
      "receiveTransfer",
      "cancelTransfer",
      "getTransfer",
      "listTransfers",
      "setStockPolicy",
      "listLocations",
      "createLocation",
      "updateLocation",
      "renewReservation",
      "getReservation",
      "fulfillReservation",
      "reduceReservation",
      "returnStock",
    ]),
    implement(StockTakeService, {}, [
      "startStockTake",
      "recordCount",
      "completeStockTake",
      "cancelStockTake",
      "getStockTake",
      "listStockTakes",
    ]),
  ],
  consumes: [ProductChangedSchema],
  consume: () => [on(ProductChangedSchema, openStock)],
  jobs: ({ db, settings }) => [
    job({
      name: "expire-reservations",
      everyMs: settings.INVENTORY_EXPIRY_INTERVAL_MS,
      run: (scope) => expireReservations(db, scope),
    }),
  ],
});
