import { create } from "@bufbuild/protobuf";
import test from "ava";
import { uuidv7 } from "uuidv7";
import { AdjustStockResponseSchema, InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { ProductChangedSchema } from "#gen/souk/product/v1/events_pb.ts";
import { migrate, migrateDown } from "#kit/data/migrate.ts";
import { SoukError } from "#kit/error.ts";
import type { Scope } from "#kit/scope.ts";
import { adjustStock } from "../../services/inventory/adjust-stock.ts";
import { getStock } from "../../services/inventory/get-stock.ts";
import { MAIN_LOCATION } from "../../services/inventory/migrations/0003-locations.ts";
import { migrations } from "../../services/inventory/migrations/index.ts";
import { openStock } from "../../services/inventory/open-stock.ts";
import { toStockLevel } from "../../services/inventory/stock-messages.ts";
import { afterFile } from "../after-file.ts";
import { createDatabase } from "../stores.ts";
import { auditLedger, openStockroom, outcomeOf, type Stockroom, tally } from "./inventory-stockroom.ts";

let room: Stockroom;
const file = afterFile(test, (t) => auditLedger(t, room));

test.before(async () => {
  room = await openStockroom(file);
});

function adjust(variantId: string, delta: number, scope: Scope = room.scope()) {
  return adjustStock(room.db, scope, { variantId, delta: BigInt(delta), note: "counted" }, (level) =>
    create(AdjustStockResponseSchema, { level: toStockLevel(level) }),
  );
}

function open(variants: Readonly<Record<string, number>>) {
  const newVariants = Object.entries(variants).map(([variantId, stock]) => ({
    variantId,
    sku: "SKU",
    openingStock: BigInt(stock),
  }));
  const event = create(ProductChangedSchema, { productId: uuidv7(), slug: "lamp", newVariants });
  return room.db.write(room.scope(), (tx) => openStock(event, tx));
}

/** The movements of a variant, in their order. */
async function ledgerOf(variantId: string) {
  const { rows } = await room.db.pool.run(
    "select available_delta, reserved_delta, kind, actor, note from stock_movement where variant_id = $1 order by id",
    [variantId],
  );
  return rows;
}

test.serial(
  "levels come in the order asked for, 0 for what was never stocked, in one statement",
  async (t) => {
    const [lamp = "", mug = ""] = await room.stock(5, 3);
    const unknown = uuidv7();
    const ids = [mug, unknown, lamp, mug, lamp.toUpperCase()];
    let levels: Awaited<ReturnType<typeof getStock>> = [];
    const statements = await room.countStatements(async () => {
      levels = await getStock(room.db.sql, ids);
    });
    t.is(statements, 1);
    t.deepEqual(
      levels.map(({ variantId, available, reserved }) => [variantId, available, reserved]),
      ids.map((id, index) => [id, [3n, 0n, 5n, 3n, 5n][index], 0n]),
    );
  },
);

test.serial("an adjustment changes the level and the ledger says why and by whom", async (t) => {
  const variantId = await room.known();
  await adjust(variantId, 7);
  const { level } = await adjust(variantId, -3);
  t.like(level, { variantId, available: 4n, reserved: 0n });
  t.deepEqual(await ledgerOf(variantId), [
    {
      available_delta: 7n,
      reserved_delta: 0n,
      kind: "ADJUSTMENT",
      actor: "anonymous",
      note: "counted",
    },
    {
      available_delta: -3n,
      reserved_delta: 0n,
      kind: "ADJUSTMENT",
      actor: "anonymous",
      note: "counted",
    },
  ]);
});

test.serial("no more can go than is available; what is reserved does not count", async (t) => {
  const [lamp = ""] = await room.stock(5);
  await room.reserve(uuidv7(), { [lamp]: 3 });
  const refused = await t.throwsAsync<SoukError>(adjust(lamp, -3), { instanceOf: SoukError });
  t.is(refused.reason, "STOCK_TOO_LOW");
  t.deepEqual(refused.metadata, {
    variant_id: lamp,
    location_id: MAIN_LOCATION,
    available: "2",
    requested: "3",
  });
  t.regex(refused.message, /only 2 of variant .* are available at location .*, so 3 cannot go/);
  t.is(await outcomeOf(adjust(await room.known(), -1)), "STOCK_TOO_LOW");
  t.deepEqual(await room.levels(lamp), [[2, 3]]);
});

test.serial("adjustments and reservations at the same time never take more than there is", async (t) => {
  const [lamp = ""] = await room.stock(30);
  const works = Array.from({ length: 60 }, (_, index) =>
    index % 2 === 0 ? adjust(lamp, -1) : room.reserve(uuidv7(), { [lamp]: 1 }),
  );
  const { done, ...refused } = await tally(works);
  t.is(done, 30);
  t.is((refused["OUT_OF_STOCK"] ?? 0) + (refused["STOCK_TOO_LOW"] ?? 0), 30);
  t.deepEqual((await room.levels(lamp))[0]?.[0], 0);
});

test.serial("an adjustment under the same idempotency key takes effect once", async (t) => {
  const variantId = await room.known();
  const key = () => ({
    owner: "AdjustStock user:1",
    key: variantId,
    requestHash: Buffer.alloc(32, 1),
    method: InventoryService.method.adjustStock,
    kept: false,
  });
  const keyed = () => adjust(variantId, 5, { ...room.scope(), idempotency: key() });
  const answers = [...(await Promise.all([keyed(), keyed(), keyed()])), await keyed()];
  t.true(answers.every(({ level }) => level?.available === 5n));
  t.deepEqual(await room.levels(variantId), [[5, 0]]);
});

test.serial("a new variant is stocked once, however often it is told", async (t) => {
  const [lamp, mug] = [uuidv7(), uuidv7()];
  await Promise.all([
    open({ [lamp]: 4, [mug]: 0 }),
    open({ [mug]: 0, [lamp]: 4 }),
    open({ [lamp]: 9 }).catch(() => {}),
  ]);
  await open({ [lamp]: 4 });
  const [[available]] = (await room.levels(lamp)) as [[number, number]];
  t.true(available === 4 || available === 9, "whichever came first counts");
  t.is((await ledgerOf(lamp)).length, 1);
  t.like(await ledgerOf(mug), [{ available_delta: 0n, kind: "OPENING" }]);
  t.true((await room.countStatements(() => open({}))) <= 2, "without new variants there is nothing to do");
});

test.serial("the database itself refuses levels below 0", async (t) => {
  const [lamp] = await room.stock(1);
  for (const column of ["available", "reserved"]) {
    const lower = room.db.pool.run(`update stock_level set ${column} = -1 where variant_id = $1`, [lamp]);
    await t.throwsAsync(lower, { message: new RegExp(`stock_level_${column}`) });
  }
});

test.serial("the schema can be undone and made again", async (t) => {
  await using own = await createDatabase();
  const made = await migrate(own.url, migrations);
  t.deepEqual(await migrateDown(own.url, migrations, 0), made.toReversed());
  t.deepEqual(await migrate(own.url, migrations), made);
});
