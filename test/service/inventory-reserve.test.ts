import test from "ava";
import { uuidv7 } from "uuidv7";
import { SoukError } from "#kit/error.ts";
import { adjustStock } from "../../services/inventory/adjust-stock.ts";
import { releaseReservation } from "../../services/inventory/release-reservation.ts";
import { reserveStock } from "../../services/inventory/reserve-stock.ts";
import { afterFile } from "../after-file.ts";
import { auditLedger, openStockroom, outcomeOf, type Stockroom, tally } from "./inventory-stockroom.ts";

let room: Stockroom;
const file = afterFile(test, (t) => auditLedger(t, room));

test.before(async () => {
  room = await openStockroom(file);
});

test.serial("a reservation takes all its lines at once and tells when it expires", async (t) => {
  const [lamp, mug] = await room.stock(5, 3);
  const before = Date.now();
  const expireTime = await room.reserve(uuidv7(), { [lamp as string]: 2, [mug as string]: 3 }, 60_000);
  t.true(Math.abs(expireTime.getTime() - before - 60_000) < 10_000);
  t.deepEqual(await room.levels(lamp as string, mug as string), [
    [3, 2],
    [0, 3],
  ]);
  t.is(await room.countStatements(() => room.reserve(uuidv7(), { [lamp as string]: 1 })), 4);
});

test.serial("lines with the same variant count together, however its id is written", async (t) => {
  const [lamp = ""] = await room.stock(5);
  const lines = [2n, 2n].map((quantity) => ({ variantId: lamp, quantity }));
  await reserveStock(room.db, room.scope(), { id: uuidv7(), lines, ttlMs: 60_000 });
  t.deepEqual(await room.levels(lamp), [[1, 4]]);
  const shouted = [{ variantId: lamp.toUpperCase(), quantity: 1n }, ...lines];
  const refused = await t.throwsAsync<SoukError>(
    reserveStock(room.db, room.scope(), { id: uuidv7(), lines: shouted, ttlMs: 1 }),
    {
      instanceOf: SoukError,
    },
  );
  t.deepEqual(refused.metadata, { variant_id: lamp, available: "1", requested: "5" });
});

test.serial(
  "where one line lacks nothing is taken, and the refusal names the variant, what is left and what was asked",
  async (t) => {
    const [lamp = "", mug = "", rug = ""] = await room.stock(5, 3, 9);
    const id = uuidv7();
    const refused = await t.throwsAsync<SoukError>(room.reserve(id, { [rug]: 1, [mug]: 4, [lamp]: 5 }), {
      instanceOf: SoukError,
    });
    t.is(refused.reason, "OUT_OF_STOCK");
    t.deepEqual(refused.metadata, { variant_id: mug, available: "3", requested: "4" });
    t.regex(refused.message, /only 3 of variant .* are left and 4 were asked for; order fewer/);
    t.deepEqual(await room.levels(lamp, mug, rug), [
      [5, 0],
      [3, 0],
      [9, 0],
    ]);
    t.is(await outcomeOf(room.reserve(id, { [mug]: 3 })), "done", "a refused reservation may be tried again");
  },
);

test.serial("of a variant that was never stocked there are 0", async (t) => {
  const unknown = uuidv7();
  const [lamp = ""] = await room.stock(1);
  const refused = await t.throwsAsync<SoukError>(room.reserve(uuidv7(), { [lamp]: 1, [unknown]: 1 }), {
    instanceOf: SoukError,
  });
  t.deepEqual(refused.metadata, { variant_id: unknown, available: "0", requested: "1" });
  t.deepEqual(await room.levels(lamp, unknown), [
    [1, 0],
    [0, 0],
  ]);
});

test.serial("the same reservation again answers as before and takes nothing", async (t) => {
  const [lamp = ""] = await room.stock(2);
  const id = uuidv7();
  const first = await room.reserve(id, { [lamp]: 2 });
  t.deepEqual(await room.reserve(id, { [lamp]: 2 }, 1), first);
  t.deepEqual(await room.levels(lamp), [[0, 2]]);
});

test.serial(
  "the same reservation many times at once takes its stock once, also when that is the last",
  async (t) => {
    for (let round = 0; round < 20; round++) {
      const [lamp = "", mug = ""] = await room.stock(1, 40);
      const id = uuidv7();
      const times = await Promise.all(
        Array.from({ length: 8 }, () => room.reserve(id, { [mug]: 2, [lamp]: 1 })),
      );
      t.is(new Set(times.map(Number)).size, 1);
      t.deepEqual(await room.levels(lamp, mug), [
        [0, 1],
        [38, 2],
      ]);
    }
  },
);

test.serial("of 100 reservations at once for 50 pieces exactly 50 succeed", async (t) => {
  const [lamp = ""] = await room.stock(50);
  const counts = await tally(Array.from({ length: 100 }, () => room.reserve(uuidv7(), { [lamp]: 1 })));
  t.deepEqual(counts, { done: 50, OUT_OF_STOCK: 50 });
  t.deepEqual(await room.levels(lamp), [[0, 50]]);
});

test.serial(
  "beside all else that moves stock, a reservation is refused for want of stock alone",
  async (t) => {
    const stock = await room.stock(20, 20, 20);
    const outcomes = new Set<string>();
    const note = async (work: Promise<unknown>) => outcomes.add(await outcomeOf(work));
    const trade = async (first: number) => {
      for (let turn = first; turn < first + 25; turn++) {
        const id = uuidv7();
        const some = stock.filter((_, index) => (turn + index) % 3 > 0);
        await note(
          room.reserve(id, Object.fromEntries(some.map((variantId) => [variantId, 1 + (turn % 4)]))),
        );
        const variantId = stock[turn % 3] as string;
        const adjustment = { variantId, delta: turn % 5 < 3 ? 3n : -4n, note: "for a test" };
        await note(adjustStock(room.db, room.scope(), adjustment, () => undefined));
        if (turn % 2 > 0) await note(releaseReservation(room.db, room.scope(), id));
      }
    };
    await Promise.all(Array.from({ length: 16 }, (_, trader) => trade(7 * trader)));
    t.deepEqual([...outcomes].toSorted(), ["OUT_OF_STOCK", "STOCK_TOO_LOW", "done"]);
  },
);

test.serial("carts with the same variants in any order never wait for each other in a circle", async (t) => {
  const variants = await room.stock(60, 60, 60, 60, 60);
  const carts = Array.from({ length: 200 }, (_, index) => {
    const start = index % variants.length;
    const turned = [...variants.slice(start), ...variants.slice(0, start)];
    if (index % 2 === 0) turned.reverse();
    return Object.fromEntries(turned.slice(0, 3).map((variantId) => [variantId, 1]));
  });
  const counts = await tally(carts.map((cart) => room.reserve(uuidv7(), cart)));
  t.deepEqual(Object.keys(counts).sort(), ["OUT_OF_STOCK", "done"]);
  const levels = await room.levels(...variants);
  t.is(
    levels.reduce((all, [, reserved]) => all + reserved, 0),
    3 * (counts["done"] as number),
  );
  t.true(levels.every(([available, reserved]) => available >= 0 && available + reserved === 60));
});

test.serial("200 lines are reserved together", async (t) => {
  const variants = await room.stock(...Array.from({ length: 200 }, () => 1));
  const cart = Object.fromEntries(variants.map((variantId) => [variantId, 1]));
  t.is(await room.countStatements(() => room.reserve(uuidv7(), cart)), 4);
  t.true(
    (await room.levels(...variants)).every(([available, reserved]) => available === 0 && reserved === 1),
  );
});
