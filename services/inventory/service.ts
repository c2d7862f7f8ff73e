import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { StockTakeService } from "#gen/souk/inventory/v1/stock_take_pb.ts";
import { ProductChangedSchema } from "#gen/souk/product/v1/events_pb.ts";
import { databaseUrl } from "#kit/config.ts";
import { listenForChanges } from "#kit/data/changes.ts";
import { on } from "#kit/events/subscription.ts";
import { job } from "#kit/jobs/job.ts";
import { implement } from "#kit/rpc/implement.ts";
import { defineService } from "#kit/service.ts";
import { stockAudit } from "./audit-stock.ts";
import { inventorySettings } from "./config.ts";
import { entities } from "./entities.ts";
import { expireReservations } from "./expire-reservations.ts";
import { fillWaiting } from "./fill-back-orders.ts";
import { forgetBookings } from "./forget-bookings.ts";
import { migrations } from "./migrations/index.ts";
import { openStock } from "./open-stock.ts";
import { inventoryRpc } from "./rpc/inventory.ts";
import { stockTakeRpc } from "./rpc/stock-take.ts";
import { tellLowStock } from "./tell-low-stock.ts";

const FORGET_INTERVAL_MS = 3_600_000;

/** Stock: how much there is of each variant, where it lies, and who it is promised to. */
export const inventory = defineService({
  name: "inventory",
  port: 3006,
  settings: inventorySettings,
  data: { entities, migrations },
  serve({ db, settings, log, onStop }) {
    const changes = listenForChanges(databaseUrl("inventory", settings), "stock_changed", db.bell, log);
    onStop(changes.stop);
    return [
      implement(InventoryService, inventoryRpc(db, changes)),
      implement(StockTakeService, stockTakeRpc(db)),
    ];
  },
  consumes: [ProductChangedSchema],
  consume: () => [on(ProductChangedSchema, openStock)],
  jobs: ({ db, settings, meter }) => [
    job({
      name: "expire-reservations",
      everyMs: settings.INVENTORY_EXPIRY_INTERVAL_MS,
      run: (scope) => expireReservations(db, scope),
    }),
    job({
      name: "fill-back-orders",
      everyMs: settings.INVENTORY_TELL_INTERVAL_MS,
      run: (scope) => fillWaiting(db, scope),
    }),
    job({
      name: "tell-low-stock",
      everyMs: settings.INVENTORY_TELL_INTERVAL_MS,
      run: (scope) => tellLowStock(db, scope),
    }),
    job({
      name: "forget-bookings",
      everyMs: FORGET_INTERVAL_MS,
      run: (scope) => forgetBookings(db, scope, settings.INVENTORY_BOOKING_MS),
    }),
    job({
      name: "audit-stock",
      everyMs: settings.INVENTORY_AUDIT_INTERVAL_MS,
      timeoutMs: 600_000,
      run: stockAudit(db, meter),
    }),
  ],
});
