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

test("where stock lies is told to those only who may read the inventory", async (t) => {
  const { mesh, staff, location, deliver } = warehouse();
  const depot = await location();
  const lamp = await deliver({ [depot]: 2 });
  const [shown] = (await mesh.withToken(InventoryService, "").getStock({ variantIds: [lamp] })).levels;
  t.like(shown, { available: 2n, onHand: 2n, locations: [], lowStockThreshold: 0n, backOrdered: 0n });
  const [known] = (await staff.getStock({ variantIds: [lamp] })).levels;
  t.like(known?.locations[0], { locationId: depot, available: 2n });
});
