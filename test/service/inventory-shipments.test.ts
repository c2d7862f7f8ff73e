import { durationFromMs } from "@bufbuild/protobuf/wkt";
import test from "ava";
import { uuidv7 } from "uuidv7";
import { AdjustmentReason } from "#gen/souk/inventory/v1/allocation_pb.ts";
import { ReservationState } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { MovementKind } from "#gen/souk/inventory/v1/movement_pb.ts";
import { outcomeOf, tally } from "./inventory-stockroom.ts";
import { allocated, type Stock, warehouseOf } from "./inventory-warehouse.ts";

const warehouse = warehouseOf(test as never);

/** Reserves and makes it final. */
async function sell(lines: Stock): Promise<string> {
  const { id } = await warehouse().reserve(lines);
  await warehouse().order.commitReservation({ reservationId: id });
  return id;
}

function ship(
  reservationId: string,
  variantId: string,
  quantity: number,
  locationId = "",
  shipmentId = uuidv7(),
) {
  const lines = [{ variantId, quantity: BigInt(quantity), locationId }];
  return warehouse().order.fulfillReservation({ reservationId, shipmentId, lines });
}

test("a shipment takes its goods from where they are set aside, once, however often it is booked", async (t) => {
  const { order, location, deliver, at } = warehouse();
  const [depot, store] = [await location({ priority: 5 }), await location({ priority: 4 })];
  const lamp = await deliver({ [depot]: 2, [store]: 3 });
  const id = await sell({ [lamp]: 4 });
  const shipmentId = uuidv7();
  const works = Array.from({ length: 8 }, () => ship(id, lamp, 3, "", shipmentId));
  t.deepEqual(await tally(works), { done: 8 });
  const left = allocated(await order.getReservation({ reservationId: id }));
  t.is(
    left.reduce((sum, [, number]) => sum + number, 0),
    1,
  );
  t.deepEqual(await at(lamp, depot, store), [
    [0, 0],
    [1, 1],
  ]);
  t.is(await outcomeOf(ship(id, lamp, 2)), "QUANTITY_NOT_RESERVED");
  await ship(id, lamp, 1);
  t.like(await order.getReservation({ reservationId: id }), {
    state: ReservationState.COMMITTED,
    allocations: [],
  });
  await order.releaseReservation({ reservationId: id });
  t.deepEqual(await at(lamp, depot, store), [
    [0, 0],
    [1, 0],
  ]);
});

test("goods may leave from another location than they are set aside at; those are free again", async (t) => {
  const { staff, order, location, deliver, at } = warehouse();
  const [depot, store] = [await location({ priority: 5 }), await location({ priority: 4 })];
  const lamp = await deliver({ [depot]: 2, [store]: 1 });
  const id = await sell({ [lamp]: 2 });
  t.deepEqual(allocated(await order.getReservation({ reservationId: id })), [[depot, 2]]);
  t.is(await outcomeOf(ship(id, lamp, 2, store)), "STOCK_TOO_LOW");
  t.is(await outcomeOf(ship(id, lamp, 1, uuidv7())), "LOCATION_NOT_FOUND");
  await ship(id, lamp, 1, store);
  t.deepEqual(await at(lamp, depot, store), [
    [1, 1],
    [0, 0],
  ]);
  const { movements } = await staff.listMovements({ referenceId: id });
  t.deepEqual(
    movements.map(({ kind, locationId, availableDelta, reservedDelta }) => [
      kind,
      locationId,
      availableDelta,
      reservedDelta,
    ]),
    [
      [MovementKind.SHIPMENT, store, -1n, 0n],
      [MovementKind.RELEASE, depot, 1n, -1n],
      [MovementKind.RESERVATION, depot, -2n, 2n],
    ],
  );
});

test("what waits may leave as soon as a location has it, and no longer waits then", async (t) => {
  const { staff, order, location, deliver } = warehouse();
  const [depot, attic] = [await location(), await location({ ships: false })];
  const lamp = await deliver({ [depot]: 1 });
  await staff.setStockPolicy({ variantId: lamp, backOrderable: true });
  const id = await sell({ [lamp]: 3 });
  // Where nothing is shipped from, nothing is set aside for those who wait.
  await deliver({ [attic]: 2 }, lamp);
  await ship(id, lamp, 2, attic);
  t.deepEqual(allocated(await order.getReservation({ reservationId: id })), [[depot, 1]]);
  const { levels } = await staff.getStock({ variantIds: [lamp] });
  t.like(levels[0], { available: 0n, reserved: 1n, backOrdered: 0n });
});

test("what shall leave from a location is set aside there, once, and nobody else takes it", async (t) => {
  const { staff, order, location, deliver, reserve, at, differences } = warehouse();
  const [depot, store] = [await location({ priority: 5 }), await location({ priority: 4 })];
  const attic = await location({ ships: false });
  const lamp = await deliver({ [depot]: 1 });
  await staff.setStockPolicy({ variantId: lamp, backOrderable: true });
  const { id } = await reserve({ [lamp]: 4 });
  await deliver({ [attic]: 3 }, lamp);
  const relocate = (quantity: bigint, locationId = attic) =>
    order.relocateReservation({ reservationId: id, locationId, lines: [{ variantId: lamp, quantity }] });
  t.is(await outcomeOf(relocate(1n)), "RESERVATION_NOT_COMMITTED");
  await order.commitReservation({ reservationId: id });
  t.is(await outcomeOf(relocate(4n)), "STOCK_TOO_LOW");
  t.is(await outcomeOf(relocate(5n)), "QUANTITY_NOT_RESERVED");
  t.is(await outcomeOf(relocate(1n, uuidv7())), "LOCATION_NOT_FOUND");
  t.deepEqual(await at(lamp, depot, attic), [
    [0, 1],
    [3, 0],
  ]);
  // What it waits for comes first, for what is set aside can be sent already.
  t.deepEqual(await tally(Array.from({ length: 5 }, () => relocate(2n))), { done: 5 });
  const held = async () => allocated(await order.getReservation({ reservationId: id }));
  t.deepEqual(await held(), [
    [depot, 1],
    [attic, 2],
    ["later", 1],
  ]);
  t.is(await outcomeOf(deliver({ [attic]: -2 }, lamp)), "STOCK_TOO_LOW");
  await deliver({ [store]: 1, [attic]: 1 }, lamp);
  await relocate(4n);
  t.deepEqual(await held(), [[attic, 4]]);
  await ship(id, lamp, 4);
  t.deepEqual(await at(lamp, depot, store, attic), [
    [1, 0],
    [1, 0],
    [0, 0],
  ]);
  t.deepEqual(await differences(), []);
});

test("only what is final leaves, and nothing that was given back", async (t) => {
  const { order, location, deliver, reserve } = warehouse();
  const lamp = await deliver({ [await location()]: 2 });
  const { id } = await reserve({ [lamp]: 1 });
  const shipmentId = uuidv7();
  t.is(await outcomeOf(ship(id, lamp, 1, "", shipmentId)), "RESERVATION_NOT_COMMITTED");
  await order.commitReservation({ reservationId: id });
  await ship(id, lamp, 1, "", shipmentId);
  const other = await sell({ [lamp]: 1 });
  await order.releaseReservation({ reservationId: other });
  t.is(await outcomeOf(ship(other, lamp, 1)), "RESERVATION_RELEASED");
  t.is(await outcomeOf(ship(uuidv7(), lamp, 1)), "RESERVATION_NOT_FOUND");
});

test("a reduction gives back first what still waits, once a change, and never more than is held", async (t) => {
  const { staff, order, location, deliver, at } = warehouse();
  const depot = await location();
  const lamp = await deliver({ [depot]: 2 });
  await staff.setStockPolicy({ variantId: lamp, backOrderable: true });
  const id = await sell({ [lamp]: 5 });
  const reduce = (quantity: bigint, changeId = uuidv7()) =>
    order.reduceReservation({ reservationId: id, changeId, lines: [{ variantId: lamp, quantity }] });
  const changeId = uuidv7();
  t.deepEqual(await tally(Array.from({ length: 6 }, () => reduce(4n, changeId))), { done: 6 });
  t.deepEqual(allocated(await order.getReservation({ reservationId: id })), [[depot, 1]]);
  t.deepEqual(await at(lamp, depot), [[1, 1]]);
  t.is(await outcomeOf(reduce(2n)), "QUANTITY_NOT_RESERVED");
  await reduce(1n);
  t.deepEqual(await at(lamp, depot), [[2, 0]]);
});

test("a return goes into stock or is written off, once, at the location named", async (t) => {
  const { staff, order, location, deliver, at } = warehouse();
  const depot = await location();
  const [lamp, mug] = [await deliver({ [depot]: 1 }), await deliver({ [depot]: 1 })];
  const lines = [
    { variantId: lamp, quantity: 2n },
    { variantId: lamp, quantity: 1n, writeOff: true },
    { variantId: mug, quantity: 4n, writeOff: true },
  ];
  const back = { returnId: uuidv7(), locationId: depot, lines };
  t.deepEqual(await tally(Array.from({ length: 5 }, () => order.returnStock(back))), { done: 5 });
  t.deepEqual(
    [...(await at(lamp, depot)), ...(await at(mug, depot))],
    [
      [3, 0],
      [1, 0],
    ],
  );
  const { movements } = await staff.listMovements({ referenceId: back.returnId, variantId: mug });
  t.deepEqual(
    movements.map(({ kind, availableDelta, reasonCode }) => [kind, availableDelta, reasonCode]),
    [
      [MovementKind.ADJUSTMENT, -4n, AdjustmentReason.DAMAGE],
      [MovementKind.RETURN, 4n, AdjustmentReason.UNSPECIFIED],
    ],
  );
  const unknown = { ...back, returnId: uuidv7(), locationId: uuidv7() };
  t.is(await outcomeOf(order.returnStock(unknown)), "LOCATION_NOT_FOUND");
});

test("what comes back without a location goes to the usual one, where others wait for it", async (t) => {
  const { staff, order, location, deliver, reserve } = warehouse();
  const lamp = await deliver({ [await location()]: 1 });
  await staff.setStockPolicy({ variantId: lamp, backOrderable: true });
  const { id } = await reserve({ [lamp]: 2 });
  await order.returnStock({ returnId: uuidv7(), lines: [{ variantId: lamp, quantity: 1n }] });
  const { allocations } = await order.getReservation({ reservationId: id });
  t.false(allocations.some(({ backOrder }) => backOrder));
});

test("shipments, reductions, renewals and releases of one reservation at once leave the books right", async (t) => {
  const { order, location, deliver, reserve, differences } = warehouse();
  const [depot, store] = [await location(), await location()];
  const lamp = await deliver({ [depot]: 60, [store]: 60 });
  for (let round = 0; round < 10; round++) {
    const id = await sell({ [lamp]: 4 });
    const reducing = { reservationId: id, changeId: uuidv7(), lines: [{ variantId: lamp, quantity: 1n }] };
    const counts = await tally([
      ship(id, lamp, 1),
      ship(id, lamp, 1, store),
      order.relocateReservation({
        reservationId: id,
        locationId: depot,
        lines: [{ variantId: lamp, quantity: 1n }],
      }),
      order.reduceReservation(reducing),
      order.renewReservation({ reservationId: id, ttl: durationFromMs(60_000) }),
      order.releaseReservation({ reservationId: id }),
      reserve({ [lamp]: 1 }),
    ]);
    const odd = Object.keys(counts).filter((it) => it !== "done" && it !== "RESERVATION_RELEASED");
    t.deepEqual(odd, []);
    t.is((await order.getReservation({ reservationId: id })).state, ReservationState.RELEASED);
  }
  t.deepEqual(await differences(), []);
});
