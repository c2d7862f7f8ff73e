import test from "ava";
import { uuidv7 } from "uuidv7";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { Code, SoukError } from "#kit/error.ts";
import { outcomeOf } from "./inventory-stockroom.ts";
import { warehouseOf } from "./inventory-warehouse.ts";

const warehouse = warehouseOf(test as never);

test("a location is made once under a key, listed by priority, and changed field by field", async (t) => {
  const { staff } = warehouse();
  const location = { displayName: "Depot", priority: 1_000, ships: true, active: true };
  const idempotencyKey = uuidv7();
  const made = (await staff.createLocation({ location }, { idempotencyKey })).location;
  t.deepEqual((await staff.createLocation({ location }, { idempotencyKey })).location, made);
  const { locations } = await staff.listLocations({});
  t.is(locations[0]?.id, made?.id);
  t.is(locations.filter(({ id }) => id === made?.id).length, 1);

  const { id = "", etag = "" } = made ?? {};
  const changed = await staff.updateLocation({
    location: { id, etag, displayName: "Great depot", ships: false, priority: 900 },
    updateMask: { paths: ["display_name", "priority"] },
  });
  t.like(changed.location, { displayName: "Great depot", priority: 900, ships: true, active: true });
  t.not(changed.location?.etag, made?.etag);
  const late = staff.updateLocation({
    location: { id, etag, ships: false },
    updateMask: { paths: ["ships"] },
  });
  t.is(await outcomeOf(late), "ETAG_MISMATCH");
});

test("a location without a name, or that there is none of, is refused with the remedy", async (t) => {
  const { staff } = warehouse();
  const nameless = await t.throwsAsync<SoukError>(staff.createLocation({ location: { displayName: " " } }), {
    instanceOf: SoukError,
  });
  t.is(nameless.code, Code.INVALID_ARGUMENT);
  t.regex(nameless.message, /location.display_name must not be empty/);
  for (const unknown of [uuidv7(), "", "not-an-id"]) {
    const location = { id: unknown, displayName: "Depot" };
    const updating = staff.updateLocation({ location, updateMask: { paths: ["display_name"] } });
    t.is(await outcomeOf(updating), "LOCATION_NOT_FOUND", unknown);
  }
});

test("a location goes out of use only when nothing lies there or is on the way; then nothing comes to it", async (t) => {
  const { staff, location, deliver } = warehouse();
  const [depot, store] = [await location(), await location()];
  const lamp = await deliver({ [depot]: 2 });
  const close = (id: string) =>
    outcomeOf(staff.updateLocation({ location: { id, active: false }, updateMask: { paths: ["active"] } }));
  t.is(await close(depot), "LOCATION_IN_USE");
  const lines = [{ variantId: lamp, quantity: 2n }];
  const { transfer } = await staff.transferStock(
    { fromLocationId: depot, toLocationId: store, lines },
    { idempotencyKey: uuidv7() },
  );
  t.is(await close(depot), "LOCATION_IN_USE");
  t.is(await close(store), "LOCATION_IN_USE");
  await staff.receiveTransfer({ id: transfer?.id ?? "" });
  t.is(await close(depot), "done");
  t.is(await outcomeOf(deliver({ [depot]: 1 })), "LOCATION_INACTIVE");
  t.is(await outcomeOf(deliver({ [uuidv7()]: 1 })), "LOCATION_NOT_FOUND");
});

test("deliveries that race with the end of a location never leave stock at one that is closed", async (t) => {
  const { staff, location, deliver, at } = warehouse();
  for (let round = 0; round < 10; round++) {
    const depot = await location();
    const lamp = uuidv7();
    const closing = staff.updateLocation({
      location: { id: depot, active: false },
      updateMask: { paths: ["active"] },
    });
    const outcomes = await Promise.all([deliver({ [depot]: 1 }, lamp), closing].map(outcomeOf));
    t.deepEqual(
      outcomes.filter((it) => it === "done").length,
      1,
      `one of both comes first: ${outcomes.join()}`,
    );
    t.deepEqual(await at(lamp, depot), [[outcomes[0] === "done" ? 1 : 0, 0]]);
  }
});

test("what is available is what can be sold: only where orders are sent from, and as soon as they are", async (t) => {
  const { mesh, staff, location, deliver, reserve } = warehouse();
  const [depot, attic] = [await location(), await location({ ships: false })];
  const lamp = await deliver({ [depot]: 2, [attic]: 3 });
  const watching = mesh
    .withToken(InventoryService, "")
    .watchStock({ variantIds: [lamp] })
    [Symbol.asyncIterator]();
  const told = async () => {
    const { available, onHand } = (await watching.next()).value?.levels[0] ?? {};
    return [available, onHand];
  };
  const startedAt = Date.now();
  const setShips = (id: string, ships: boolean) =>
    staff.updateLocation({ location: { id, ships }, updateMask: { paths: ["ships"] } });
  t.deepEqual(await told(), [2n, 5n]);
  t.is(await outcomeOf(reserve({ [lamp]: 3 })), "OUT_OF_STOCK");
  await setShips(attic, true);
  t.deepEqual(await told(), [5n, 5n]);
  t.is(await outcomeOf(reserve({ [lamp]: 3 })), "done");
  t.deepEqual(await told(), [2n, 5n]);
  await setShips(depot, false);
  await setShips(attic, false);
  for (let last: unknown[] = []; last[0] !== 0n; ) last = await told();
  t.is(await outcomeOf(reserve({ [lamp]: 1 })), "OUT_OF_STOCK");
  // The net looks after 10 s, and three looks were needed.
  t.true(Date.now() - startedAt < 20_000, "it is told before the net would look");
  await watching.return?.();
});

test("how many can be sold beyond what is available is told, and is what is reserved", async (t) => {
  const { staff, location, deliver, reserve } = warehouse();
  const lamp = await deliver({ [await location()]: 1 });
  const level = async () => (await staff.getStock({ variantIds: [lamp] })).levels[0];
  t.like(await level(), { available: 1n, backOrdersLeft: 0n });
  await staff.setStockPolicy({ variantId: lamp, backOrderable: true });
  t.like(await level(), { available: 1n, backOrdersLeft: undefined });
  await staff.setStockPolicy({ variantId: lamp, backOrderable: true, backOrderLimit: 3n });
  t.like(await level(), { available: 1n, backOrdersLeft: 3n });
  t.is(await outcomeOf(reserve({ [lamp]: 5 })), "OUT_OF_STOCK");
  await reserve({ [lamp]: 2 });
  t.like(await level(), { available: 0n, backOrdersLeft: 2n });
  t.is(await outcomeOf(reserve({ [lamp]: 3 })), "OUT_OF_STOCK");
  await reserve({ [lamp]: 2 });
  t.like(await level(), { available: 0n, backOrdersLeft: 0n });
});

test("where stock lies is told to those only who may read the inventory", async (t) => {
  const { mesh, staff, location, deliver } = warehouse();
  const depot = await location();
  const lamp = await deliver({ [depot]: 2 });
  const [shown] = (await mesh.withToken(InventoryService, "").getStock({ variantIds: [lamp] })).levels;
  t.like(shown, { available: 2n, onHand: 2n, locations: [], lowStockThreshold: 0n, backOrdered: 0n });
  const [known] = (await staff.getStock({ variantIds: [lamp] })).levels;
  t.like(known?.locations[0], { locationId: depot, available: 2n });
});
