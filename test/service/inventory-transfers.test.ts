import test from "ava";
import { uuidv7 } from "uuidv7";
import { AdjustmentReason } from "#gen/souk/inventory/v1/allocation_pb.ts";
import { MovementKind } from "#gen/souk/inventory/v1/movement_pb.ts";
import { TransferState } from "#gen/souk/inventory/v1/transfer_pb.ts";
import { SoukError } from "#kit/error.ts";
import { insist } from "../chaos/insist.ts";
import { outcomeOf, tally } from "./inventory-stockroom.ts";
import { type Stock, warehouseOf } from "./inventory-warehouse.ts";

const warehouse = warehouseOf(test as never);

async function send(fromLocationId: string, toLocationId: string, lines: Stock, idempotencyKey = uuidv7()) {
  const items = Object.entries(lines).map(([variantId, number]) => ({ variantId, quantity: BigInt(number) }));
  const request = { fromLocationId, toLocationId, lines: items, note: "for the summer" };
  const { transfer } = await insist(() => warehouse().staff.transferStock(request, { idempotencyKey }));
  return transfer?.id ?? "";
}

test("stock on the way is for sale nowhere and lies nowhere, until it arrives", async (t) => {
  const { staff, location, deliver, reserve, at } = warehouse();
  const [depot, store] = [await location(), await location()];
  const lamp = await deliver({ [depot]: 5 });
  const key = uuidv7();
  const id = await send(depot, store, { [lamp]: 3 }, key);
  t.is(await send(depot, store, { [lamp]: 3 }, key), id);
  const { levels } = await staff.getStock({ variantIds: [lamp] });
  t.like(levels[0], { available: 2n, onHand: 2n, inTransit: 3n });
  t.is(levels[0]?.locations.find(({ locationId }) => locationId === store)?.incoming, 3n);
  t.is(await outcomeOf(reserve({ [lamp]: 3 })), "OUT_OF_STOCK");

  const works = Array.from({ length: 5 }, () => staff.receiveTransfer({ id: id.toUpperCase() }));
  const answers = await Promise.all(works);
  t.true(answers.every(({ transfer }) => transfer?.state === TransferState.RECEIVED));
  t.deepEqual(new Set(answers.map(({ transfer }) => transfer?.endTime?.nanos)).size, 1);
  t.deepEqual(await at(lamp, depot, store), [
    [2, 0],
    [3, 0],
  ]);
  t.is(await outcomeOf(staff.cancelTransfer({ id })), "TRANSFER_ENDED");
});

test("what does not arrive is written off where it should have arrived", async (t) => {
  const { staff, location, deliver, at } = warehouse();
  const [depot, store] = [await location(), await location()];
  const [lamp, mug] = [await deliver({ [depot]: 5 }), await deliver({ [depot]: 5 })];
  const id = await send(depot, store, { [lamp]: 3, [mug]: 2 });
  const receive = (...lines: { variantId: string; quantity: bigint }[]) =>
    staff.receiveTransfer({ id, lines });
  const refused = await t.throwsAsync<SoukError>(receive({ variantId: lamp, quantity: 4n }), {
    instanceOf: SoukError,
  });
  t.is(refused.reason, "MORE_THAN_SENT");
  t.like(refused.metadata, { variant_id: lamp, sent: "3", arrived: "4" });
  t.is(await outcomeOf(receive({ variantId: uuidv7(), quantity: 1n })), "MORE_THAN_SENT");
  const { transfer } = await receive({ variantId: lamp, quantity: 1n });
  const received = new Map(transfer?.lines.map((line) => [line.variantId, line.received]));
  t.deepEqual([received.get(lamp), received.get(mug)], [1n, 0n]);
  t.deepEqual(
    [...(await at(lamp, store)), ...(await at(mug, store))],
    [
      [1, 0],
      [0, 0],
    ],
  );
  const { movements } = await staff.listMovements({ referenceId: id, variantId: lamp });
  t.deepEqual(
    movements.map(({ kind, availableDelta, reasonCode }) => [kind, availableDelta, reasonCode]),
    [
      [MovementKind.ADJUSTMENT, -2n, AdjustmentReason.LOSS],
      [MovementKind.TRANSFER_IN, 3n, AdjustmentReason.UNSPECIFIED],
      [MovementKind.TRANSFER_OUT, -3n, AdjustmentReason.UNSPECIFIED],
    ],
  );
});

test("a transfer that is taken back returns where it came from, once", async (t) => {
  const { staff, location, deliver, at } = warehouse();
  const [depot, store] = [await location(), await location()];
  const lamp = await deliver({ [depot]: 5 });
  const id = await send(depot, store, { [lamp]: 3 });
  const works = Array.from({ length: 5 }, () => staff.cancelTransfer({ id }));
  t.deepEqual(await tally(works), { done: 5 });
  t.deepEqual(await at(lamp, depot, store), [
    [5, 0],
    [0, 0],
  ]);
  t.is(await outcomeOf(staff.receiveTransfer({ id })), "TRANSFER_ENDED");
  const { transfer } = await staff.getTransfer({ id });
  t.like(transfer, { state: TransferState.CANCELLED, note: "for the summer" });
  t.is(transfer?.lines[0]?.received, 0n);
});

test("an arrival and a cancellation at once: one wins, and no piece is lost or doubled", async (t) => {
  const { staff, location, deliver } = warehouse();
  const [depot, store] = [await location(), await location()];
  const lamp = await deliver({ [depot]: 10 });
  for (let round = 0; round < 10; round++) {
    const id = await send(depot, store, { [lamp]: 1 });
    const counts = await tally([staff.receiveTransfer({ id }), staff.cancelTransfer({ id })]);
    t.deepEqual(counts, { done: 1, TRANSFER_ENDED: 1 });
  }
  const { levels } = await staff.getStock({ variantIds: [lamp] });
  t.like(levels[0], { available: 10n, inTransit: 0n });
});

test("no more is sent than is available, and not from a location to itself", async (t) => {
  const { staff, location, deliver, at } = warehouse();
  const [depot, store] = [await location(), await location()];
  const [lamp, mug] = [await deliver({ [depot]: 5 }), await deliver({ [depot]: 1 })];
  t.is(await outcomeOf(send(depot, store, { [lamp]: 1, [mug]: 2 })), "STOCK_TOO_LOW");
  t.is(await outcomeOf(send(depot, depot, { [lamp]: 1 })), "TRANSFER_TO_SELF");
  t.is(await outcomeOf(send(depot, uuidv7(), { [lamp]: 1 })), "LOCATION_NOT_FOUND");
  t.deepEqual(await at(lamp, depot), [[5, 0]]);
  t.is(await outcomeOf(staff.getTransfer({ id: uuidv7() })), "TRANSFER_NOT_FOUND");
  t.is(await outcomeOf(staff.cancelTransfer({ id: uuidv7() })), "TRANSFER_NOT_FOUND");
});

test("of 50 transfers of the last pieces, both ways, exactly as many leave as there are", async (t) => {
  const { staff, location, deliver } = warehouse();
  const [depot, store] = [await location(), await location()];
  const lamp = await deliver({ [depot]: 7, [store]: 4 });
  const works = Array.from({ length: 50 }, (_, index) =>
    index % 2 === 0 ? send(depot, store, { [lamp]: 1 }) : send(store, depot, { [lamp]: 1 }),
  );
  t.deepEqual(await tally(works), { done: 11, STOCK_TOO_LOW: 39 });
  const { levels } = await staff.getStock({ variantIds: [lamp] });
  t.like(levels[0], { available: 0n, inTransit: 11n });
});

test("transfers are listed newest first, page by page, by state and location", async (t) => {
  const { staff, location, deliver } = warehouse();
  const [depot, store, attic] = [await location(), await location(), await location()];
  const lamp = await deliver({ [depot]: 9 });
  const ids: string[] = [];
  for (const to of [store, attic, store]) ids.unshift(await send(depot, to, { [lamp]: 1 }));
  await staff.cancelTransfer({ id: ids[0] ?? "" });
  const list = async (filter: { locationId: string; state?: TransferState }) => {
    const listed: string[] = [];
    let pageToken = "";
    do {
      const page = await staff.listTransfers({ ...filter, pageSize: 2, pageToken });
      listed.push(...page.transfers.map(({ id }) => id));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    return listed;
  };
  t.deepEqual(await list({ locationId: depot }), ids);
  t.deepEqual(await list({ locationId: store }), [ids[0], ids[2]]);
  t.deepEqual(await list({ locationId: depot, state: TransferState.IN_TRANSIT }), ids.slice(1));
});
