import test from "ava";
import pg from "pg";
import { uuidv7 } from "uuidv7";
import { AdjustmentReason } from "#gen/souk/inventory/v1/allocation_pb.ts";
import { InventoryService, type WatchStockResponse } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { MovementKind } from "#gen/souk/inventory/v1/movement_pb.ts";
import { eventually } from "../eventually.ts";
import { outcomeOf } from "./inventory-stockroom.ts";
import { warehouseOf } from "./inventory-warehouse.ts";

const warehouse = warehouseOf(test as never);

/** Begins to watch as anybody may, and gives what is told next: variant and available number. */
function watch(...variantIds: string[]) {
  const stream = warehouse()
    .mesh.withToken(InventoryService, "")
    .watchStock({ variantIds })
    [Symbol.asyncIterator]();
  return {
    async next() {
      const { value } = (await stream.next()) as IteratorResult<WatchStockResponse, undefined>;
      return value?.levels.map(({ variantId, available }) => [variantId, Number(available)]);
    },
    end: () => stream.return?.(),
  };
}

test.serial(
  "who watches is told all levels, then each that changed, long before the net would look",
  async (t) => {
    const { location, deliver, reserve, order } = warehouse();
    const depot = await location();
    const [lamp, mug] = [await deliver({ [depot]: 5 }), await deliver({ [depot]: 5 })];
    const { next, end } = watch(lamp, mug, lamp.toUpperCase());
    const startedAt = Date.now();
    t.deepEqual(await next(), [
      [lamp, 5],
      [mug, 5],
    ]);
    const { id } = await reserve({ [mug]: 2 });
    t.deepEqual(await next(), [[mug, 3]]);
    await order.releaseReservation({ reservationId: id });
    t.deepEqual(await next(), [[mug, 5]]);
    await deliver({ [depot]: 1 }, lamp);
    t.deepEqual(await next(), [[lamp, 6]]);
    // The net looks after 10 s, and three looks were needed.
    t.true(Date.now() - startedAt < 20_000);
    await end();
  },
);

test.serial(
  "a watch outlives the loss of the connection that listens, and misses nothing meanwhile",
  async (t) => {
    const { mesh, location, deliver } = warehouse();
    const depot = await location();
    const lamp = await deliver({ [depot]: 5 });
    const { next, end } = watch(lamp);
    await next();
    const client = new pg.Client(mesh.env["INVENTORY_DATABASE_URL"]);
    await client.connect();
    t.teardown(() => client.end());
    const cut =
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1 and datname = current_database()";
    const { rowCount } = await client.query(cut, ["souk-stock-changed"]);
    t.is(rowCount, 1);
    await deliver({ [depot]: 1 }, lamp);
    t.deepEqual(await next(), [[lamp, 6]]);
    await end();
    // Who begins anew is told how things stand.
    const again = watch(lamp);
    t.deepEqual(await again.next(), [[lamp, 6]]);
    await again.end();
  },
);

test.serial("a level that falls to its threshold is told once a crossing, however it falls", async (t) => {
  const { staff, low, location, deliver, reserve, order } = warehouse();
  const depot = await location();
  const lamp = await deliver({ [depot]: 5 });
  const setPolicy = () => staff.setStockPolicy({ variantId: lamp, lowStockThreshold: 3n });
  const { level } = await setPolicy();
  t.like(level, { lowStockThreshold: 3n, available: 5n });
  const told = () =>
    low.filter(({ variantId }) => variantId === lamp).map((it) => [it.available, it.threshold]);
  const toldTimes = (times: number) =>
    eventually(() => {
      if (told().length < times) throw new Error(`it was told ${told().length} times`);
    });
  const { id } = await reserve({ [lamp]: 3 });
  await reserve({ [lamp]: 1 });
  await toldTimes(1);
  await order.releaseReservation({ reservationId: id });
  await deliver({ [depot]: -2 }, lamp);
  await toldTimes(2);
  await setPolicy();
  await staff.setStockPolicy({ variantId: lamp, lowStockThreshold: 1n });
  await setPolicy();
  await toldTimes(3);
  t.deepEqual(told(), [
    [2n, 3n],
    [2n, 3n],
    [2n, 3n],
  ]);
});

test.serial("levels are listed page by page, those of a location and those that are low", async (t) => {
  const { staff, location, deliver } = warehouse();
  const [depot, store] = [await location(), await location()];
  const variants: string[] = [];
  for (let count = 0; count < 5; count++)
    variants.push(await deliver(count % 2 === 0 ? { [depot]: 4 } : { [depot]: 4, [store]: 1 }));
  await staff.setStockPolicy({ variantId: variants[2] ?? "", lowStockThreshold: 4n });
  const list = async (filter: { locationId?: string; low?: boolean }) => {
    const listed: string[] = [];
    let pageToken = "";
    do {
      const page = await staff.listStock({ ...filter, pageSize: 2, pageToken });
      listed.push(...page.levels.map(({ variantId }) => variantId));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    return listed;
  };
  t.deepEqual(await list({ locationId: depot }), variants);
  t.deepEqual(await list({ locationId: store }), [variants[1], variants[3]]);
  t.deepEqual(await list({ locationId: depot, low: true }), [variants[2]]);
  const { nextPageToken } = await staff.listStock({ locationId: depot, pageSize: 1 });
  t.is(
    await outcomeOf(staff.listStock({ locationId: store, pageToken: nextPageToken })),
    "PAGE_TOKEN_INVALID",
  );
  const { levels } = await staff.listStock({ locationId: store, pageSize: 1 });
  t.deepEqual(
    levels[0]?.locations.map((it) => [it.locationId, it.available]),
    [
      [depot, 4n],
      [store, 1n],
    ],
  );
});

test.serial(
  "movements are listed newest first with what staff said, by variant, location and kind",
  async (t) => {
    const { staff, location, deliver, reserve, order } = warehouse();
    const [depot, store] = [await location(), await location()];
    const lamp = await deliver({ [depot]: 4, [store]: 1 });
    const { id } = await reserve({ [lamp]: 1 });
    await order.releaseReservation({ reservationId: id });
    const damage = { variantId: lamp, locationId: depot, delta: -1n, reason: "fell down" };
    await staff.adjustStock({ ...damage, reasonCode: AdjustmentReason.DAMAGE }, { idempotencyKey: uuidv7() });
    const list = async (filter: { locationId?: string; kind?: MovementKind }) => {
      const listed: [MovementKind, bigint][] = [];
      let pageToken = "";
      do {
        const page = await staff.listMovements({ variantId: lamp, ...filter, pageSize: 2, pageToken });
        listed.push(...page.movements.map((it): [MovementKind, bigint] => [it.kind, it.availableDelta]));
        pageToken = page.nextPageToken;
      } while (pageToken !== "");
      return listed;
    };
    t.deepEqual(await list({}), [
      [MovementKind.ADJUSTMENT, -1n],
      [MovementKind.RELEASE, 1n],
      [MovementKind.RESERVATION, -1n],
      [MovementKind.ADJUSTMENT, 1n],
      [MovementKind.ADJUSTMENT, 4n],
    ]);
    t.deepEqual(await list({ locationId: store }), [[MovementKind.ADJUSTMENT, 1n]]);
    t.deepEqual(await list({ kind: MovementKind.RELEASE }), [[MovementKind.RELEASE, 1n]]);
    const [newest] = (await staff.listMovements({ variantId: lamp, pageSize: 1 })).movements;
    t.like(newest, {
      locationId: depot,
      reasonCode: AdjustmentReason.DAMAGE,
      reason: "fell down",
      accountId: "operator",
      referenceId: "",
    });
  },
);

test.serial(
  "nobody watches more than a hundred times at once, and who ends one watch may begin another",
  async (t) => {
    const { location, deliver } = warehouse();
    const lamp = await deliver({ [await location()]: 5 });
    // The service hears some time later that a watch is over, and so of those before.
    const begin = () =>
      eventually(async () => {
        const begun = watch(lamp);
        return { ...begun, levels: await begun.next() };
      });
    const watches = await Promise.all(Array.from({ length: 100 }, begin));
    t.is(await outcomeOf(watch(lamp).next()), "TOO_MANY_STREAMS");
    await watches.pop()?.end();
    const another = await begin();
    t.deepEqual(another.levels, [[lamp, 5]]);
    await Promise.all([...watches, another].map(({ end }) => end()));
  },
);
