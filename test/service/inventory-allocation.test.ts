import { durationFromMs } from "@bufbuild/protobuf/wkt";
import test from "ava";
import { uuidv7 } from "uuidv7";
import { AllocationRule } from "#gen/souk/inventory/v1/allocation_pb.ts";
import { ReservationState } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { eventually } from "../eventually.ts";
import { outcomeOf, tally } from "./inventory-stockroom.ts";
import { allocated, warehouseOf } from "./inventory-warehouse.ts";

const warehouse = warehouseOf(test as never);

const address = (countryCode: string, postalCode: string, region = "") => ({
  name: "Souk",
  line1: "Hafen 1",
  city: "Somewhere",
  region,
  postalCode,
  countryCode,
});

test("locations with a higher priority are taken from first, unless another can serve alone", async (t) => {
  const { location, deliver, reserve } = warehouse();
  const [far, near] = [await location({ priority: 20 }), await location({ priority: 30 })];
  const lamp = await deliver({ [far]: 9, [near]: 5 });
  const mug = await deliver({ [far]: 9, [near]: 1 });
  t.deepEqual(allocated(await reserve({ [lamp]: 1 })), [[near, 1]]);
  t.deepEqual(allocated(await reserve({ [lamp]: 1, [mug]: 2 })), [
    [far, 1],
    [far, 2],
  ]);
  // Neither has enough of one: the line is split, the other stays whole.
  t.deepEqual(allocated(await reserve({ [lamp]: 10 })), [
    [far, 6],
    [near, 4],
  ]);
});

test("the most stock, or what is nearest to where the goods go, comes first when asked for", async (t) => {
  const { location, deliver, reserve } = warehouse();
  const kiel = await location({ priority: 1, address: address("DE", "24103", "SH") as never });
  const hamburg = await location({ priority: 2, address: address("DE", "20095", "HH") as never });
  const paris = await location({ priority: 3, address: address("FR", "75001") as never });
  const lamp = await deliver({ [kiel]: 10, [hamburg]: 30, [paris]: 20 });
  const to = (countryCode: string, postalCode: string, region = "") =>
    reserve({ [lamp]: 1 }, { destination: { countryCode, postalCode, region } });
  t.deepEqual(allocated(await to("DE", "24-114")), [[kiel, 1]]);
  t.deepEqual(allocated(await to("DE", "20 457")), [[hamburg, 1]]);
  t.deepEqual(allocated(await to("DE", "24114", "hh")), [[hamburg, 1]], "the region counts more");
  t.deepEqual(allocated(await to("FR", "")), [[paris, 1]]);
  t.deepEqual(allocated(await to("IT", "00100")), [[paris, 1]], "where none is near, priority counts");
  t.deepEqual(allocated(await reserve({ [lamp]: 1 }, { rule: AllocationRule.MOST_STOCK })), [[hamburg, 1]]);
});

test("goods to be fetched come from where they are fetched, others only from locations that ship", async (t) => {
  const { location, deliver, reserve, at } = warehouse();
  const store = await location({ ships: false, pickUp: true });
  const depot = await location({ priority: 0 });
  const lamp = await deliver({ [store]: 3, [depot]: 1 });
  t.deepEqual(allocated(await reserve({ [lamp]: 1 })), [[depot, 1]]);
  t.is(await outcomeOf(reserve({ [lamp]: 1 })), "OUT_OF_STOCK");
  t.deepEqual(allocated(await reserve({ [lamp]: 2 }, { pickUpLocationId: store })), [[store, 2]]);
  t.is(await outcomeOf(reserve({ [lamp]: 1 }, { pickUpLocationId: depot })), "OUT_OF_STOCK");
  t.deepEqual(await at(lamp, store, depot), [
    [1, 2],
    [0, 1],
  ]);
});

test("of 50 callers for the last pieces at three locations exactly as many succeed as there are", async (t) => {
  const { location, deliver, reserve, at } = warehouse();
  const places = [await location(), await location(), await location()];
  const lamp = await deliver(Object.fromEntries(places.map((id, index) => [id, index + 3])));
  const counts = await tally(Array.from({ length: 50 }, () => reserve({ [lamp]: 2 })));
  t.deepEqual(counts, { done: 6, OUT_OF_STOCK: 44 });
  t.deepEqual(
    (await at(lamp, ...places)).map(([available]) => available),
    [0, 0, 0],
  );
});

test("what is sold beyond the stock waits, and the next receipts fill it, the oldest first", async (t) => {
  const { staff, order, location, deliver, reserve, filled } = warehouse();
  const depot = await location();
  const lamp = await deliver({ [depot]: 1 });
  await staff.setStockPolicy({ variantId: lamp, backOrderable: true, backOrderLimit: 5n });
  const first = await reserve({ [lamp]: 3 });
  t.deepEqual(allocated(first), [
    [depot, 1],
    ["later", 2],
  ]);
  const second = await reserve({ [lamp]: 2 });
  t.deepEqual(allocated(second), [["later", 2]]);
  const again = await reserve({ [lamp]: 3 }, { reservationId: first.id });
  t.deepEqual(allocated(again), allocated(first));
  t.is(await outcomeOf(reserve({ [lamp]: 2 })), "OUT_OF_STOCK", "no more than the limit");
  const { levels } = await staff.getStock({ variantIds: [lamp] });
  t.like(levels[0], { available: 0n, reserved: 1n, onHand: 1n, backOrdered: 4n, backOrderable: true });

  await order.commitReservation({ reservationId: first.id });
  await deliver({ [depot]: 3 }, lamp);
  t.deepEqual(allocated(await order.getReservation({ reservationId: first.id })), [[depot, 3]]);
  t.deepEqual(allocated(await order.getReservation({ reservationId: second.id })), [
    [depot, 1],
    ["later", 1],
  ]);
  await eventually(() => {
    if (!filled.includes(first.id)) throw new Error("it was not told");
  });
  t.false(filled.includes(second.id));

  // What another gives back is a receipt, too.
  await order.releaseReservation({ reservationId: first.id });
  t.deepEqual(allocated(await order.getReservation({ reservationId: second.id })), [[depot, 2]]);
  await eventually(() => {
    if (!filled.includes(second.id)) throw new Error("it was not told");
  });
  t.deepEqual(allocated(await reserve({ [lamp]: 2 })), [[depot, 2]]);
});

test("of 50 callers for back-orders up to a limit none gets beyond it", async (t) => {
  const { staff, location, deliver, reserve } = warehouse();
  const lamp = await deliver({ [await location()]: 4 });
  await staff.setStockPolicy({ variantId: lamp, backOrderable: true, backOrderLimit: 6n });
  const counts = await tally(Array.from({ length: 50 }, () => reserve({ [lamp]: 1 })));
  t.deepEqual(counts, { done: 10, OUT_OF_STOCK: 40 });
});

test("a reservation that gives up its place in the queue makes room for others", async (t) => {
  const { staff, order, location, deliver, reserve } = warehouse();
  const depot = await location();
  const lamp = await deliver({ [depot]: 1 });
  await staff.setStockPolicy({ variantId: lamp, backOrderable: true, backOrderLimit: 2n });
  const first = await reserve({ [lamp]: 3 });
  await order.releaseReservation({ reservationId: first.id });
  t.like(await order.getReservation({ reservationId: first.id }), {
    state: ReservationState.RELEASED,
    allocations: [],
    expireTime: undefined,
  });
  t.deepEqual(allocated(await reserve({ [lamp]: 3 })), [
    [depot, 1],
    ["later", 2],
  ]);
});

test("a reservation is kept longer when it is renewed, and told as it stands", async (t) => {
  const { order, location, deliver, reserve } = warehouse();
  const lamp = await deliver({ [await location()]: 5 });
  const { id, expireTime } = await reserve({ [lamp]: 1 }, { reservationId: uuidv7().toUpperCase() });
  const renewal = { reservationId: id, ttl: durationFromMs(3_600_000) };
  const renewed = await order.renewReservation(renewal);
  t.true((renewed.expireTime?.seconds ?? 0n) > (expireTime?.seconds ?? 0n));
  const held = await order.getReservation({ reservationId: id });
  t.like(held, { state: ReservationState.HELD, expireTime: renewed.expireTime });
  await order.commitReservation({ reservationId: id });
  t.is((await order.renewReservation(renewal)).expireTime, undefined);
  t.is((await order.getReservation({ reservationId: id })).state, ReservationState.COMMITTED);
  await order.releaseReservation({ reservationId: id });
  t.is(await outcomeOf(order.renewReservation(renewal)), "RESERVATION_RELEASED");
  const unknown = { ...renewal, reservationId: uuidv7() };
  t.is(await outcomeOf(order.renewReservation(unknown)), "RESERVATION_NOT_FOUND");
  t.is(await outcomeOf(order.getReservation(unknown)), "RESERVATION_NOT_FOUND");
});
