import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { TestFn } from "ava";
import { pino } from "pino";
import { uuidv7 } from "uuidv7";
import type { AllocationRule } from "#gen/souk/inventory/v1/allocation_pb.ts";
import {
  BackOrderFilledSchema,
  type StockRanLow,
  StockRanLowSchema,
} from "#gen/souk/inventory/v1/events_pb.ts";
import { InventoryService, type ReserveStockResponse } from "#gen/souk/inventory/v1/inventory_pb.ts";
import type { Location } from "#gen/souk/inventory/v1/location_pb.ts";
import { StockTakeService } from "#gen/souk/inventory/v1/stock_take_pb.ts";
import { openDatabase } from "#kit/data/database.ts";
import { on } from "#kit/events/subscription.ts";
import type { MeshClient } from "#kit/mesh/client.ts";
import { rootScopes } from "#kit/rpc/root-scope.ts";
import { defineService } from "#kit/service.ts";
import { type Difference, findDifferences } from "../../services/inventory/check-ledger.ts";
import { entities } from "../../services/inventory/entities.ts";
import { forgetBookings } from "../../services/inventory/forget-bookings.ts";
import { inventory } from "../../services/inventory/service.ts";
import { afterFile } from "../after-file.ts";
import { insist } from "../chaos/insist.ts";
import { startTestMesh, type TestMesh } from "../mesh.ts";
import { makeKnown } from "./inventory-known.ts";

type Inventory = MeshClient<typeof InventoryService>;

/** How a reservation differs from the usual. */
interface Reserving {
  readonly reservationId?: string;
  readonly rule?: AllocationRule;
  readonly destination?: { countryCode: string; region: string; postalCode: string };
  readonly pickUpLocationId?: string;
}

/** How much is at some locations, by their ids. */
export type Stock = Readonly<Record<string, number>>;

/** The inventory service, called through its contract, and what it tells others. */
export interface Warehouse {
  readonly mesh: TestMesh;
  readonly staff: Inventory;
  readonly counters: MeshClient<typeof StockTakeService>;
  readonly order: Inventory;
  /** The reservations of which it told that what they waited for came. */
  readonly filled: string[];
  /** What it told of levels that ran low. */
  readonly low: StockRanLow[];
  /** Makes a location that ships, unless told otherwise. */
  location(fields?: Partial<Omit<Location, "$typeName" | "$unknown">>): Promise<string>;
  /** Changes how much there is of a variant, of a new one by default. */
  deliver(stock: Stock, variantId?: string): Promise<string>;
  /** Reserves a number of each variant under a new id, unless told otherwise. */
  reserve(lines: Stock, more?: Reserving): Promise<ReserveStockResponse & { id: string }>;
  /** What is available and reserved of a variant at locations, in the order asked for. */
  at(variantId: string, ...locationIds: string[]): Promise<[available: number, reserved: number][]>;
  /** Compares the books. */
  differences(): Promise<Difference[]>;
  /** Forgets what was booked longer ago than that, in ms. */
  forgetBookings(afterMs: number): Promise<void>;
}

/**
 * Starts a warehouse for the tests of one file, and compares its books after them.
 *
 * @param test of the file
 */
export function warehouseOf(test: TestFn): () => Warehouse {
  const file = afterFile(test, async (t) => {
    if (warehouse !== undefined) t.deepEqual(await warehouse.differences(), [], "the books of stock differ");
  });
  let warehouse: Warehouse | undefined;
  test.before(async () => {
    warehouse = await openWarehouse(file);
  });
  return () => warehouse as Warehouse;
}

async function openWarehouse(t: Parameters<typeof startTestMesh>[0]): Promise<Warehouse> {
  const filled: string[] = [];
  const low: StockRanLow[] = [];
  const listener = defineService({
    name: "order",
    port: 0,
    settings: {},
    data: { entities: [] as [], migrations: [] },
    serve: () => [],
    consumes: [BackOrderFilledSchema, StockRanLowSchema],
    consume: () => [
      on(BackOrderFilledSchema, async ({ reservationId }) => void filled.push(reservationId)),
      on(StockRanLowSchema, async (event) => void low.push(event)),
    ],
  });
  const mesh = await startTestMesh(t, [inventory, listener], {
    env: {
      INVENTORY_EXPIRY_INTERVAL_MS: "100",
      INVENTORY_TELL_INTERVAL_MS: "50",
      INVENTORY_POOL_SIZE: "12",
    },
  });
  const log = pino({ level: "silent" });
  const url = mesh.env["INVENTORY_DATABASE_URL"] as string;
  const books = openDatabase({
    url,
    entities,
    migrations: [],
    poolSize: 2,
    applicationName: "inventory-books",
    log,
  });
  t.teardown(() => books.close());
  const scopes = rootScopes(log, () => {
    throw new Error("the books call nobody");
  });
  const staff = mesh.as(InventoryService);
  const order = mesh.as(InventoryService, "order");
  return {
    mesh,
    staff,
    counters: mesh.as(StockTakeService),
    order,
    filled,
    low,
    async location(fields = {}) {
      const location = { displayName: "Warehouse", priority: 10, ships: true, active: true, ...fields };
      return (await staff.createLocation({ location })).location?.id ?? "";
    },
    async deliver(stock, variantId = uuidv7()) {
      await makeKnown(books.pool.run, variantId);
      for (const [locationId, number] of Object.entries(stock)) {
        const delivery = { variantId, locationId, delta: BigInt(number), reason: "delivery" };
        await staff.adjustStock(delivery, { idempotencyKey: uuidv7() });
      }
      return variantId;
    },
    async reserve(stock, more = {}) {
      const lines = Object.entries(stock).map(([variantId, number]) => ({
        variantId,
        quantity: BigInt(number),
      }));
      const id = more.reservationId ?? uuidv7();
      const request = { ttl: durationFromMs(600_000), lines, ...more, reservationId: id };
      // Of many at once the last ones may wait for longer than the policy lets them.
      const answer = await insist(() => order.reserveStock(request));
      return { ...answer, id };
    },
    async at(variantId, ...locationIds) {
      const { levels } = await staff.getStock({ variantIds: [variantId] });
      const places = new Map(levels[0]?.locations.map((place) => [place.locationId, place]));
      return locationIds.map((id) => {
        const place = places.get(id);
        return [Number(place?.available ?? 0), Number(place?.reserved ?? 0)];
      });
    },
    differences: () => findDifferences(books, scopes({ timeoutMs: 30_000 })),
    forgetBookings: (afterMs) => forgetBookings(books, scopes({ timeoutMs: 30_000 }), afterMs),
  };
}

/** Where a reservation is set aside: location, or "later" for what is on back-order, and number. */
export function allocated({ allocations }: Pick<ReserveStockResponse, "allocations">): [string, number][] {
  return allocations.map(({ locationId, quantity, backOrder }) => [
    backOrder ? "later" : locationId,
    Number(quantity),
  ]);
}
