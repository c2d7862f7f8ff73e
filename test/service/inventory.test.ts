import { durationFromMs, timestampDate } from "@bufbuild/protobuf/wkt";
import test from "ava";
import { uuidv7 } from "uuidv7";
import { ReservationExpiredSchema } from "#gen/souk/inventory/v1/events_pb.ts";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { ProductChangedSchema } from "#gen/souk/product/v1/events_pb.ts";
import { Code, SoukError } from "#kit/error.ts";
import { on } from "#kit/events/subscription.ts";
import type { Resources } from "#kit/service.ts";
import { defineService } from "#kit/service.ts";
import { inventory } from "../../services/inventory/service.ts";
import { afterFile } from "../after-file.ts";
import { eventually } from "../eventually.ts";
import { startTestMesh, type TestMesh } from "../mesh.ts";

type Neighbour = Resources<Record<string, never>, []>;

let mesh: TestMesh;
let catalogue: Neighbour;
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
});

const operator = () => mesh.as(InventoryService);
const asOrder = () => mesh.as(InventoryService, "order");
const ttl = durationFromMs(600_000);

async function stocked(available: bigint): Promise<string> {
  const variantId = uuidv7();
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

test("new variants are stocked when product tells of them", async (t) => {
  const [lamp, mug] = [uuidv7(), uuidv7()];
  const newVariants = [
    { variantId: lamp, sku: "LAMP", openingStock: 7n },
    { variantId: mug, sku: "MUG", openingStock: 0n },
  ];
  await catalogue.db.write(catalogue.rootScope({ timeoutMs: 5_000 }), async (tx) => {
    tx.emit(ProductChangedSchema, { productId: uuidv7(), slug: "lamp", newVariants });
  });
  await eventually(async () => {
    const [available] = await levelOf(lamp);
    if (available !== 7n) throw new Error(`there are ${available}`);
  });
  t.deepEqual(await levelOf(mug), [0n, 0n]);
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
  const variantId = uuidv7();
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
