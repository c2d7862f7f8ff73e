import test from "ava";
import { uuidv7 } from "uuidv7";
import { MovementKind } from "#gen/souk/inventory/v1/movement_pb.ts";
import { StockTakeState } from "#gen/souk/inventory/v1/stock_take_pb.ts";
import { outcomeOf, tally } from "./inventory-stockroom.ts";
import { type Stock, warehouseOf } from "./inventory-warehouse.ts";

const warehouse = warehouseOf(test as never);

async function start(locationId: string, ...variantIds: string[]) {
  const { stockTake } = await warehouse().counters.startStockTake({ locationId, variantIds, note: "May" });
  return stockTake?.id ?? "";
}

function record(id: string, counted: Stock) {
  const lines = Object.entries(counted).map(([variantId, number]) => ({
    variantId,
    quantity: BigInt(number),
  }));
  return warehouse().counters.recordCount({ id, lines });
}

async function linesOf(id: string) {
  const lines: [variantId: string, expected: number, counted: number | undefined][] = [];
  let pageToken = "";
  do {
    const page = await warehouse().counters.getStockTake({ id, pageSize: 2, pageToken });
    for (const { variantId, expected, counted, recorded } of page.lines) {
      lines.push([variantId, Number(expected), recorded ? Number(counted) : undefined]);
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return lines;
}

test("a count corrects the levels by what was found, and what is not counted stays", async (t) => {
  const { staff, counters, location, deliver, reserve, at } = warehouse();
  const depot = await location();
  const [lamp, mug, rug, jar] = [
    await deliver({ [depot]: 5 }),
    await deliver({ [depot]: 5 }),
    await deliver({ [depot]: 5 }),
    await deliver({}),
  ];
  await reserve({ [lamp]: 2 });
  const id = await start(depot);
  t.deepEqual(
    await linesOf(id),
    [lamp, mug, rug].sort().map((it) => [it, 5, undefined]),
  );
  await record(id, { [lamp]: 9, [jar]: 1 });
  const { stockTake: noted } = await record(id, { [lamp]: 3, [mug]: 5 });
  t.like(noted, { state: StockTakeState.OPEN, countedVariants: 3n, difference: -1n, note: "May" });
  const works = Array.from({ length: 5 }, () => counters.completeStockTake({ id }));
  t.true((await Promise.all(works)).every((it) => it.stockTake?.state === StockTakeState.COMPLETED));
  t.deepEqual(
    [
      ...(await at(lamp, depot)),
      ...(await at(mug, depot)),
      ...(await at(rug, depot)),
      ...(await at(jar, depot)),
    ],
    [
      [1, 2],
      [5, 0],
      [5, 0],
      [1, 0],
    ],
  );
  const { movements } = await staff.listMovements({ referenceId: id, kind: MovementKind.STOCK_TAKE });
  t.deepEqual(
    movements.map(({ availableDelta }) => availableDelta).sort(),
    [-2n, 1n],
    "what was counted as it should be does not move",
  );
  t.is(await outcomeOf(record(id, { [lamp]: 1 })), "STOCK_TAKE_ENDED");
  t.is(await outcomeOf(counters.cancelStockTake({ id })), "STOCK_TAKE_ENDED");
});

test("what moves after a number was noted is no difference, and the same number again changes nothing", async (t) => {
  const { counters, location, deliver, at } = warehouse();
  const depot = await location();
  const lamp = await deliver({ [depot]: 10 });
  const id = await start(depot, lamp);
  await deliver({ [depot]: -1 }, lamp);
  await record(id, { [lamp]: 8 });
  t.deepEqual(await linesOf(id), [[lamp, 9, 8]], "it should have been what was there then");
  await deliver({ [depot]: -4 }, lamp);
  await record(id, { [lamp]: 8 });
  await counters.completeStockTake({ id });
  t.deepEqual(await at(lamp, depot), [[4, 0]]);
});

test("a count that misses what is set aside for orders is refused until they are changed", async (t) => {
  const { order, counters, location, deliver, reserve, at } = warehouse();
  const depot = await location();
  const [lamp, mug] = [await deliver({ [depot]: 5 }), await deliver({ [depot]: 5 })];
  const reservation = await reserve({ [lamp]: 4 });
  const id = await start(depot);
  await record(id, { [lamp]: 2, [mug]: 9 });
  t.is(await outcomeOf(counters.completeStockTake({ id })), "STOCK_TOO_LOW");
  t.deepEqual(await at(mug, depot), [[5, 0]], "all of it or none");
  await order.releaseReservation({ reservationId: reservation.id });
  await counters.completeStockTake({ id });
  t.deepEqual(
    [...(await at(lamp, depot)), ...(await at(mug, depot))],
    [
      [2, 0],
      [9, 0],
    ],
  );
});

test("of several counts that begin at a location at once one does; a cancelled one changes nothing", async (t) => {
  const { counters, location, deliver, at } = warehouse();
  const depot = await location();
  const lamp = await deliver({ [depot]: 5 });
  const counts = await tally(Array.from({ length: 8 }, () => start(depot)));
  t.deepEqual(counts, { done: 1, STOCK_TAKE_OPEN: 7 });
  const { stockTakes } = await counters.listStockTakes({ locationId: depot, state: StockTakeState.OPEN });
  const id = stockTakes[0]?.id ?? "";
  await record(id, { [lamp]: 1 });
  const works = Array.from({ length: 3 }, () => counters.cancelStockTake({ id }));
  t.deepEqual(await tally(works), { done: 3 });
  t.deepEqual(await at(lamp, depot), [[5, 0]]);
  t.is(await outcomeOf(counters.completeStockTake({ id })), "STOCK_TAKE_ENDED");
  const next = await start(depot);
  const { stockTakes: all } = await counters.listStockTakes({ locationId: depot });
  t.deepEqual(
    all.map((it) => it.id),
    [next, id],
  );
});

test("counts and locations that there are none of are named", async (t) => {
  const { counters } = warehouse();
  const id = uuidv7();
  const works = [
    counters.getStockTake({ id }),
    counters.completeStockTake({ id }),
    counters.cancelStockTake({ id }),
    record(id, { [uuidv7()]: 1 }),
  ];
  t.deepEqual(await tally(works), { STOCK_TAKE_NOT_FOUND: 4 });
  t.is(await outcomeOf(start(uuidv7())), "LOCATION_NOT_FOUND");
});
