import { durationFromMs } from "@bufbuild/protobuf/wkt";
import test from "ava";
import pg from "pg";
import { uuidv7 } from "uuidv7";
import { outcomeOf } from "./inventory-stockroom.ts";
import { warehouseOf } from "./inventory-warehouse.ts";

const warehouse = warehouseOf(test as never);

test.serial("everything that moves stock at once leaves the books right, and nothing below 0", async (t) => {
  const { staff, order, counters, location, deliver, differences } = warehouse();
  const places = [await location(), await location(), await location()] as const;
  const variants = [
    await deliver(Object.fromEntries(places.map((id) => [id, 12]))),
    await deliver(Object.fromEntries(places.map((id) => [id, 12]))),
    await deliver({ [places[0]]: 3 }),
  ] as const;
  await staff.setStockPolicy({ variantId: variants[2], backOrderable: true, lowStockThreshold: 2n });
  const place = (n: number) => places[n % 3] as string;
  const variant = (n: number) => variants[n % 3] as string;

  /** One after the other; several of them run at once. */
  async function work(seed: number): Promise<string[]> {
    const outcomes: string[] = [];
    const attempt = async <T>(doing: Promise<T>): Promise<T | undefined> => {
      outcomes.push(await outcomeOf(doing));
      return doing.catch(() => undefined);
    };
    for (let step = 0; step < 6; step++) {
      const n = seed * 7 + step;
      const reservationId = uuidv7();
      const lines = [n, n + 1].map((it) => ({ variantId: variant(it), quantity: 1n + BigInt(it % 3) }));
      await attempt(
        order.reserveStock({ reservationId, lines, ttl: durationFromMs(n % 5 === 0 ? 1 : 60_000) }),
      );
      const sent = await attempt(
        staff.transferStock(
          {
            fromLocationId: place(n),
            toLocationId: place(n + 1),
            lines: [{ variantId: variant(n), quantity: 2n }],
          },
          { idempotencyKey: uuidv7() },
        ),
      );
      await attempt(order.commitReservation({ reservationId }));
      const taken = await attempt(counters.startStockTake({ locationId: place(n + 2) }));
      const counted = [{ variantId: variant(n), quantity: BigInt(n % 9) }];
      if (taken?.stockTake) await attempt(counters.recordCount({ id: taken.stockTake.id, lines: counted }));
      await attempt(
        staff.adjustStock(
          { variantId: variant(n + 1), locationId: place(n), delta: n % 2 === 0 ? 2n : -1n, reason: "?" },
          { idempotencyKey: uuidv7() },
        ),
      );
      const shipped = [{ variantId: variant(n), quantity: 1n }];
      await attempt(order.fulfillReservation({ reservationId, shipmentId: uuidv7(), lines: shipped }));
      if (sent?.transfer) {
        const { id } = sent.transfer;
        if (n % 3 === 0) await attempt(staff.cancelTransfer({ id }));
        else if (n % 3 === 1) await attempt(staff.receiveTransfer({ id, lines: counted.slice(n % 2) }));
        else await attempt(staff.receiveTransfer({ id, arrivalId: uuidv7(), lines: shipped }));
      }
      if (taken?.stockTake) {
        const { id } = taken.stockTake;
        const completed = await outcomeOf(counters.completeStockTake({ id }));
        if (completed !== "done") await attempt(counters.cancelStockTake({ id }));
      }
      if (n % 2 === 0) await attempt(order.releaseReservation({ reservationId }));
      else await attempt(order.returnStock({ returnId: uuidv7(), locationId: place(n), lines: shipped }));
    }
    return outcomes;
  }

  const outcomes = new Set((await Promise.all(Array.from({ length: 8 }, (_, seed) => work(seed)))).flat());
  const expected = new Set([
    "done",
    "OUT_OF_STOCK",
    "STOCK_TOO_LOW",
    "MORE_THAN_SENT",
    "STOCK_TAKE_OPEN",
    "RESERVATION_RELEASED",
    "RESERVATION_NOT_FOUND",
    "RESERVATION_NOT_COMMITTED",
    "QUANTITY_NOT_RESERVED",
  ]);
  t.deepEqual(
    [...outcomes].filter((it) => !expected.has(it)),
    [],
  );
  t.deepEqual(await differences(), []);
  const { levels } = await staff.getStock({ variantIds: [...variants] });
  for (const { available, reserved, locations } of levels) {
    t.true(available >= 0n && reserved >= 0n);
    t.true(locations.every((it) => it.available >= 0n && it.reserved >= 0n));
  }
});

test.serial("a level that was changed past the ledger is found, and named", async (t) => {
  const { mesh, location, deliver, differences } = warehouse();
  const depot = await location();
  const lamp = await deliver({ [depot]: 5 });
  const client = new pg.Client(mesh.env["INVENTORY_DATABASE_URL"]);
  await client.connect();
  t.teardown(() => client.end());
  const forge = (by: number) =>
    client.query("update location_level set available = available + $1 where variant_id = $2", [by, lamp]);
  await forge(2);
  const found = (what: string, stored: bigint, reckoned: bigint, location_id: string | null) => ({
    variant_id: lamp,
    location_id,
    what,
    stored,
    reckoned,
  });
  t.deepEqual(await differences(), [
    found("available at the location, by movements", 7n, 5n, depot),
    found("available, by locations", 5n, 7n, null),
  ]);
  await forge(-2);
  t.deepEqual(await differences(), []);
});

test.serial("what was booked is remembered for its time, and forgotten after it", async (t) => {
  const { mesh, order, location, deliver, at, forgetBookings } = warehouse();
  const depot = await location();
  const lamp = await deliver({ [await location()]: 1 });
  const book = (returnId: string) =>
    order.returnStock({ returnId, locationId: depot, lines: [{ variantId: lamp, quantity: 1n }] });
  const [old, recent] = [uuidv7(), uuidv7()];
  for (const id of [old, recent]) await book(id);
  const client = new pg.Client(mesh.env["INVENTORY_DATABASE_URL"]);
  await client.connect();
  t.teardown(() => client.end());
  await client.query("update booking set create_time = now() - interval '2 days' where id = $1", [old]);
  await forgetBookings(24 * 3_600_000);
  const { rows } = await client.query("select id from booking where id = any ($1)", [[old, recent]]);
  t.deepEqual(rows, [{ id: recent }]);
  await book(recent);
  t.deepEqual(await at(lamp, depot), [[2, 0]]);
});
