import test from "ava";
import { uuidv7 } from "uuidv7";
import { ReservationState } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { outcomeOf, tally } from "./inventory-stockroom.ts";
import { allocated, type Stock, warehouseOf } from "./inventory-warehouse.ts";

const warehouse = warehouseOf(test as never);

/** Reserves and makes it final. */
async function sell(lines: Stock): Promise<string> {
  const { id } = await warehouse().reserve(lines);
  await warehouse().order.commitReservation({ reservationId: id });
  return id;
}

test("a change takes another reservation in and gives some back, both once, however often it is asked for", async (t) => {
  const { order, location, deliver, at, reserve } = warehouse();
  const depot = await location({ priority: 500 });
  const [lamp, vase] = [await deliver({ [depot]: 10 }), await deliver({ [depot]: 10 })];
  const reservationId = await sell({ [lamp]: 3 });
  const { id: mergedReservationId } = await reserve({ [lamp]: 1, [vase]: 4 });
  const changeId = uuidv7();
  const lines = [{ variantId: lamp, quantity: 2n }];
  const change = () => order.changeReservation({ reservationId, changeId, mergedReservationId, lines });
  t.deepEqual(await tally(Array.from({ length: 8 }, change)), { done: 8 });
  t.deepEqual(await at(lamp, depot), [[8, 2]]);
  t.deepEqual(await at(vase, depot), [[6, 4]]);
  const held = await order.getReservation({ reservationId });
  t.is(held.state, ReservationState.COMMITTED);
  t.deepEqual(
    allocated(held).map(([, number]) => number),
    [2, 4],
  );
  t.is((await order.getReservation({ reservationId: mergedReservationId })).state, ReservationState.RELEASED);
  await order.releaseReservation({ reservationId: mergedReservationId });
  await order.releaseReservation({ reservationId });
  t.deepEqual(await at(vase, depot), [[10, 0]]);
});

test("a change that cannot be is refused with the reason, and leaves both reservations as they were", async (t) => {
  const { order, location, deliver, at, reserve } = warehouse();
  const depot = await location({ priority: 400 });
  const lamp = await deliver({ [depot]: 10 });
  const reservationId = await sell({ [lamp]: 3 });
  const { id: merged } = await reserve({ [lamp]: 2 });
  const { id: gone } = await reserve({ [lamp]: 1 });
  await order.releaseReservation({ reservationId: gone });
  const change = (id: string, mergedReservationId: string, quantity = 0n) =>
    outcomeOf(
      order.changeReservation({
        reservationId: id,
        changeId: uuidv7(),
        mergedReservationId,
        lines: quantity > 0n ? [{ variantId: lamp, quantity }] : [],
      }),
    );
  t.is(await change(reservationId, merged, 6n), "QUANTITY_NOT_RESERVED");
  t.is(await change(reservationId, gone), "RESERVATION_RELEASED");
  t.is(await change(reservationId, uuidv7()), "RESERVATION_NOT_FOUND");
  t.is(await change(merged, reservationId), "RESERVATION_NOT_COMMITTED");
  t.is(await change(gone, merged), "RESERVATION_RELEASED");
  t.like(await order.getReservation({ reservationId: merged }), { state: ReservationState.HELD });
  t.deepEqual(await at(lamp, depot), [[5, 5]]);
});

test("what both wait for is waited for at the place in the queue that the one had", async (t) => {
  const { order, staff, location, deliver, reserve, filled } = warehouse();
  const depot = await location({ priority: 300 });
  const lamp = await deliver({ [depot]: 1 });
  await staff.setStockPolicy({ variantId: lamp, backOrderable: true });
  const reservationId = await sell({ [lamp]: 2 });
  const other = await sell({ [lamp]: 1 });
  const { id: mergedReservationId } = await reserve({ [lamp]: 2 });
  await order.changeReservation({ reservationId, changeId: uuidv7(), mergedReservationId, lines: [] });
  t.deepEqual(allocated(await order.getReservation({ reservationId })), [
    [depot, 1],
    ["later", 3],
  ]);
  await deliver({ [depot]: 3 }, lamp);
  t.deepEqual(allocated(await order.getReservation({ reservationId })), [[depot, 4]]);
  t.deepEqual(allocated(await order.getReservation({ reservationId: other })), [["later", 1]]);
  t.false(filled.includes(other));
});

test("each answer about a reservation says what it holds then, under a version that grows with each change", async (t) => {
  const { order, staff, location, deliver, reserve } = warehouse();
  const depot = await location({ priority: 200 });
  const lamp = await deliver({ [depot]: 1 });
  await staff.setStockPolicy({ variantId: lamp, backOrderable: true });
  const reserved = await reserve({ [lamp]: 3 });
  const reservationId = reserved.id;
  const held = () => order.getReservation({ reservationId });
  t.like(await held(), { allocations: reserved.allocations, version: reserved.version });
  await order.commitReservation({ reservationId });
  const lines = [{ variantId: lamp, quantity: 1n }];
  const reduce = { reservationId, changeId: uuidv7(), lines };
  const reduced = await order.reduceReservation(reduce);
  t.deepEqual(allocated(reduced), [
    [depot, 1],
    ["later", 1],
  ]);
  t.true(reduced.version > reserved.version);
  t.deepEqual(await order.reduceReservation(reduce), reduced);
  const { id: mergedReservationId } = await reserve({ [lamp]: 2 });
  const change = { reservationId, changeId: uuidv7(), mergedReservationId, lines };
  const changed = await order.changeReservation(change);
  t.deepEqual(allocated(changed), [
    [depot, 1],
    ["later", 2],
  ]);
  t.true(changed.version > reduced.version);
  t.deepEqual(await order.changeReservation(change), changed);
  await deliver({ [depot]: 1 }, lamp);
  const { allocations, version } = await held();
  t.deepEqual(allocated({ allocations }), [
    [depot, 2],
    ["later", 1],
  ]);
  t.true(version > changed.version);
});
