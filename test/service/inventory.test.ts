import assert from "node:assert/strict";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs, timestampDate } from "@bufbuild/protobuf/wkt";
import test from "ava";
import { uuidv7 } from "uuidv7";
import { RetryInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import { ReservationExpiredSchema } from "#gen/souk/inventory/v1/events_pb.ts";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { StockTakeService } from "#gen/souk/inventory/v1/stock_take_pb.ts";
import { ProductChangedSchema } from "#gen/souk/product/v1/events_pb.ts";
import { Code, detailOf, SoukError } from "#kit/error.ts";
import { on } from "#kit/events/subscription.ts";
import type { Resources } from "#kit/service.ts";
import { defineService } from "#kit/service.ts";
import { MAIN_LOCATION } from "../../services/inventory/migrations/0003-locations.ts";
import { inventory } from "../../services/inventory/service.ts";
import { afterFile } from "../after-file.ts";
import { eventually } from "../eventually.ts";
import { startTestMesh, type TestMesh } from "../mesh.ts";
import { connectPool } from "./auth-tables.ts";
import { makeKnown } from "./inventory-known.ts";

type Neighbour = Resources<Record<string, never>, []>;

let mesh: TestMesh;
let catalogue: Neighbour;
let tables: ReturnType<typeof connectPool>;
const expired: string[] = [];
const file = afterFile(test);

/** Stands where product does, and tells of new variants. */
const product = defineService({
  name: "product",
  port: 0,
  settings: {},
  data: { entities: [] as [], migrations: [] },
  serve(resources) {
    catalogue = resources as unknown as Neighbour;
    return [];
  },
});

/** Stands where order does, and heeds reservations that expire. */
const order = defineService({
  name: "order",
  port: 0,
  settings: {},
  data: { entities: [] as [], migrations: [] },
  serve: () => [],
  consumes: [ReservationExpiredSchema],
  consume: () => [
    on(ReservationExpiredSchema, async ({ reservationId }) => void expired.push(reservationId)),
  ],
});

test.before(async () => {
  const env = { INVENTORY_EXPIRY_INTERVAL_MS: "50" };
  mesh = await startTestMesh(file, [inventory, product, order], { env });
  tables = connectPool(file, mesh.env["INVENTORY_DATABASE_URL"] as string);
});

const operator = () => mesh.as(InventoryService);
const asOrder = () => mesh.as(InventoryService, "order");
const ttl = durationFromMs(600_000);

async function known(): Promise<string> {
  const variantId = uuidv7();
  await makeKnown(tables, variantId);
  return variantId;
}

async function stocked(available: bigint): Promise<string> {
  const variantId = await known();
  await operator().adjustStock(
    { variantId, delta: available, reason: "delivery" },
    { idempotencyKey: uuidv7() },
  );
  return variantId;
}

async function levelOf(variantId: string) {
  const { levels } = await mesh.withToken(InventoryService, "").getStock({ variantIds: [variantId] });
  const [level] = levels;
  if (level?.onHand !== (level?.available ?? 0n) + (level?.reserved ?? 0n))
    throw new Error("stock is missing");
  return [level?.available, level?.reserved];
}

/** Tells inventory of a change of a product, as product does. */
function tell(change: MessageInitShape<typeof ProductChangedSchema>): Promise<unknown> {
  return catalogue.db.write(catalogue.rootScope({ timeoutMs: 5_000 }), async (tx) => {
    tx.emit(ProductChangedSchema, change);
  });
}

/** What staff sees as the numbers of some variants. */
async function skusOf(...variantIds: string[]): Promise<string[]> {
  return (await operator().getStock({ variantIds })).levels.map(({ sku }) => sku);
}

test("new variants are stocked when product tells of them, and staff sees their numbers", async (t) => {
  const [lamp, mug] = [uuidv7(), uuidv7()];
  const newVariants = [
    { variantId: lamp, sku: "LAMP", openingStock: 7n },
    { variantId: mug, sku: "MUG", openingStock: 0n },
  ];
  const productId = uuidv7();
  await tell({ productId, slug: "lamp", newVariants });
  await eventually(async () => {
    const [available] = await levelOf(lamp);
    if (available !== 7n) throw new Error(`there are ${available}`);
  });
  t.deepEqual(await levelOf(mug), [0n, 0n]);
  t.deepEqual(await skusOf(lamp, mug), ["LAMP", "MUG"]);
  const listed = new Map<string, string>();
  let pageToken = "";
  do {
    const page = await operator().listStock({ pageSize: 100, pageToken });
    for (const { variantId, sku } of page.levels) listed.set(variantId, sku);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  t.deepEqual([listed.get(lamp), listed.get(mug)], ["LAMP", "MUG"]);
  const { levels } = await mesh.withToken(InventoryService, "").getStock({ variantIds: [lamp] });
  t.is(levels[0]?.sku, "", "shoppers are not told");
  await tell({ productId, slug: "lamp", renumberedVariants: [{ variantId: lamp, sku: "LAMP-2" }] });
  await eventually(async () => assert.deepEqual(await skusOf(lamp, mug), ["LAMP-2", "MUG"]));
  t.deepEqual(await levelOf(lamp), [7n, 0n]);
});

test("what product has not told of is neither stocked nor counted, and the same call goes through once it has", async (t) => {
  const [variantId, locationId] = [uuidv7(), MAIN_LOCATION];
  const lines = [{ variantId, quantity: 1n }];
  const counters = mesh.as(StockTakeService);
  const { location } = await operator().createLocation({ location: { displayName: "Attic", active: true } });
  const toLocationId = location?.id ?? "";
  const { stockTake } = await counters.startStockTake({ locationId: toLocationId });
  const key = { idempotencyKey: uuidv7() };
  const adjust = () => operator().adjustStock({ variantId, delta: 3n, reason: "delivery" }, key);
  const attempts = [
    adjust,
    () => operator().setStockPolicy({ variantId, backOrderable: true }),
    () =>
      operator().transferStock(
        { fromLocationId: locationId, toLocationId, lines },
        { idempotencyKey: uuidv7() },
      ),
    () => counters.startStockTake({ locationId, variantIds: [variantId] }),
    () => counters.recordCount({ id: stockTake?.id ?? "", lines }),
  ];
  for (const attempt of attempts) {
    const refused = await t.throwsAsync<SoukError>(attempt(), { instanceOf: SoukError });
    t.like(refused, {
      code: Code.NOT_FOUND,
      reason: "VARIANT_NOT_FOUND",
      metadata: { variant_id: variantId },
    });
    t.truthy(detailOf(refused, RetryInfoSchema));
  }
  const { levels } = await operator().getStock({ variantIds: [variantId] });
  t.deepEqual([levels[0]?.locations, levels[0]?.backOrderable], [[], false], "nothing is left behind");
  await tell({
    productId: uuidv7(),
    slug: "late",
    newVariants: [{ variantId, sku: "LATE", openingStock: 4n }],
  });
  await eventually(adjust);
  t.deepEqual(await levelOf(variantId), [7n, 0n]);
});

test("order reserves, commits and releases stock; anyone sees what is left", async (t) => {
  const lamp = await stocked(5n);
  const reservationId = uuidv7();
  const { expireTime } = await asOrder().reserveStock({
    reservationId,
    lines: [
      { variantId: lamp, quantity: 1n },
      { variantId: lamp, quantity: 2n },
    ],
    ttl,
  });
  t.true(expireTime !== undefined && timestampDate(expireTime).getTime() > Date.now());
  await asOrder().commitReservation({ reservationId });
  t.deepEqual(await levelOf(lamp), [2n, 3n]);
  await asOrder().releaseReservation({ reservationId });
  t.deepEqual(await levelOf(lamp), [5n, 0n]);
});

test("a refusal travels with its reason and its facts", async (t) => {
  const lamp = await stocked(1n);
  const refused = await t.throwsAsync<SoukError>(
    asOrder().reserveStock({ reservationId: uuidv7(), lines: [{ variantId: lamp, quantity: 2n }], ttl }),
    { instanceOf: SoukError },
  );
  t.is(refused.code, Code.FAILED_PRECONDITION);
  t.is(refused.reason, "OUT_OF_STOCK");
  t.deepEqual(refused.metadata, { variant_id: lamp, available: "1", requested: "2" });
});

test("an adjustment sent twice under one key takes effect once and answers the same", async (t) => {
  const variantId = await known();
  const adjustment = { variantId, delta: 5n, reason: "delivery 4711" };
  const options = { idempotencyKey: uuidv7() };
  const first = await operator().adjustStock(adjustment, options);
  await operator().adjustStock({ ...adjustment, delta: 1n }, { idempotencyKey: uuidv7() });
  t.deepEqual(await operator().adjustStock(adjustment, options), first);
  t.deepEqual(await levelOf(variantId), [6n, 0n]);
});

test("stock is adjusted by staff and reserved by order only", async (t) => {
  const lamp = await stocked(1n);
  const shopper = mesh.withToken(InventoryService, "");
  const attempts = [
    () => shopper.adjustStock({ variantId: lamp, delta: 1n, reason: "?" }, { idempotencyKey: uuidv7() }),
    () => shopper.releaseReservation({ reservationId: uuidv7() }),
    () => mesh.as(InventoryService, "payment").commitReservation({ reservationId: uuidv7() }),
  ];
  for (const attempt of attempts) {
    const refused = await t.throwsAsync<SoukError>(attempt(), { instanceOf: SoukError });
    t.true(refused.code === Code.PERMISSION_DENIED || refused.code === Code.UNAUTHENTICATED, refused.message);
  }
  t.deepEqual(await levelOf(lamp), [1n, 0n]);
});

test("a reservation whose time is up is given back by the job, and order hears of it once", async (t) => {
  const lamp = await stocked(3n);
  const reservationId = uuidv7();
  const lines = [{ variantId: lamp, quantity: 2n }];
  await asOrder().reserveStock({ reservationId, lines, ttl: durationFromMs(1) });
  await eventually(() => {
    if (!expired.includes(reservationId)) throw new Error("order was not told");
  });
  t.deepEqual(await levelOf(lamp), [3n, 0n]);
  const refused = await t.throwsAsync<SoukError>(asOrder().commitReservation({ reservationId }), {
    instanceOf: SoukError,
  });
  t.is(refused.reason, "RESERVATION_RELEASED");
  t.is(expired.filter((id) => id === reservationId).length, 1);
});
