import test from "ava";
import { uuidv7 } from "uuidv7";
import { AdjustmentReason } from "#gen/souk/inventory/v1/allocation_pb.ts";
import { MovementKind } from "#gen/souk/inventory/v1/movement_pb.ts";
import { type Transfer, TransferState } from "#gen/souk/inventory/v1/transfer_pb.ts";
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

test("a transfer arrives in parts: what is left stays on the way until it comes or is written off", async (t) => {
  const { staff, location, deliver, at, differences } = warehouse();
  const [depot, store] = [await location(), await location()];
  const [lamp, mug] = [await deliver({ [depot]: 9 }), await deliver({ [depot]: 9 })];
  const id = await send(depot, store, { [lamp]: 6, [mug]: 2 });
  const state = (transfer: Transfer | undefined) => [
    transfer?.state,
    ...[lamp, mug].map((variant) => {
      const line = transfer?.lines.find(({ variantId }) => variantId === variant);
      return [line?.received, line?.writtenOff, line?.inTransit].map(Number).join("/");
    }),
  ];
  const first = { id, arrivalId: uuidv7(), lines: [{ variantId: lamp.toUpperCase(), quantity: 2n }] };
  const answers = await Promise.all(Array.from({ length: 3 }, () => staff.receiveTransfer(first)));
  for (const { transfer } of answers) {
    t.deepEqual(
      state(transfer),
      [TransferState.IN_TRANSIT, "2/0/4", "0/0/2"],
      "the same arrival counts once",
    );
    t.is(transfer?.endTime, undefined);
  }
  const { levels } = await staff.getStock({ variantIds: [lamp] });
  t.like(levels[0], { available: 5n, inTransit: 4n });

  const broken = { variantId: lamp, quantity: 1n, writtenOff: 1n, writeOffReason: AdjustmentReason.DAMAGE };
  for (const writeOffReason of [AdjustmentReason.DELIVERY, AdjustmentReason.FOUND]) {
    const gain = { id, arrivalId: uuidv7(), lines: [{ ...broken, writeOffReason }] };
    const error = await t.throwsAsync<SoukError>(staff.receiveTransfer(gain), { instanceOf: SoukError });
    t.regex(error.message, /^lines\[0\]\.write_off_reason: must be why goods do not arrive: DAMAGE, LOSS/);
  }
  const { transfer } = await staff.receiveTransfer({ id, arrivalId: uuidv7(), lines: [broken] });
  t.deepEqual(state(transfer), [TransferState.IN_TRANSIT, "3/1/2", "0/0/2"]);
  const tooMany = { id, arrivalId: uuidv7(), lines: [{ variantId: lamp, quantity: 1n, writtenOff: 2n }] };
  const refused = await t.throwsAsync<SoukError>(staff.receiveTransfer(tooMany), { instanceOf: SoukError });
  t.is(refused.reason, "MORE_THAN_SENT");
  t.like(refused.metadata, { variant_id: lamp, sent: "6", in_transit: "2", arrived: "3" });
  t.deepEqual(await differences(), [], "what is on the way is what left and did not come");

  const last = { id, arrivalId: uuidv7() };
  const ended = await staff.receiveTransfer(last);
  t.deepEqual(state(ended.transfer), [TransferState.RECEIVED, "5/1/0", "2/0/0"], "the rest comes");
  t.deepEqual((await staff.receiveTransfer(last)).transfer, ended.transfer);
  t.deepEqual((await staff.receiveTransfer(first)).transfer, ended.transfer);
  t.is(await outcomeOf(staff.receiveTransfer({ ...first, arrivalId: uuidv7() })), "TRANSFER_ENDED");
  t.deepEqual(
    [...(await at(lamp, depot, store)), ...(await at(mug, store))],
    [
      [3, 0],
      [5, 0],
      [2, 0],
    ],
  );
  const { movements } = await staff.listMovements({ referenceId: id, variantId: lamp });
  t.deepEqual(
    movements.map(({ kind, availableDelta, reasonCode }) => [kind, availableDelta, reasonCode]),
    [
      [MovementKind.TRANSFER_IN, 2n, AdjustmentReason.UNSPECIFIED],
      [MovementKind.ADJUSTMENT, -1n, AdjustmentReason.DAMAGE],
      [MovementKind.TRANSFER_IN, 2n, AdjustmentReason.UNSPECIFIED],
      [MovementKind.TRANSFER_IN, 2n, AdjustmentReason.UNSPECIFIED],
      [MovementKind.TRANSFER_OUT, -6n, AdjustmentReason.UNSPECIFIED],
    ],
  );
});

test("of a transfer that arrived in part the rest is written off at its end, or taken back", async (t) => {
  const { staff, location, deliver, at, differences } = warehouse();
  const [depot, store] = [await location(), await location()];
  const lamp = await deliver({ [depot]: 8 });
  const [lost, back] = [await send(depot, store, { [lamp]: 4 }), await send(depot, store, { [lamp]: 4 })];
  const one = [{ variantId: lamp, quantity: 1n }];
  for (const id of [lost, back]) await staff.receiveTransfer({ id, arrivalId: uuidv7(), lines: one });
  const ended = await staff.receiveTransfer({ id: lost, lines: one });
  t.like(ended.transfer?.lines[0], { received: 2n, writtenOff: 2n, inTransit: 0n });
  const cancelled = await staff.cancelTransfer({ id: back });
  t.is(cancelled.transfer?.state, TransferState.CANCELLED);
  t.like(cancelled.transfer?.lines[0], { received: 1n, writtenOff: 0n, inTransit: 0n });
  t.deepEqual(await at(lamp, depot, store), [
    [3, 0],
    [3, 0],
  ]);
  t.deepEqual(await differences(), []);
  const late = { id: back, arrivalId: uuidv7(), lines: one };
  t.is(await outcomeOf(staff.receiveTransfer(late)), "TRANSFER_ENDED");
});

test("one arrival may bring some of several transfers, and counts once for each", async (t) => {
  const { staff, location, deliver, at } = warehouse();
  const [depot, store] = [await location(), await location()];
  const lamp = await deliver({ [depot]: 8 });
  const ids = [await send(depot, store, { [lamp]: 4 }), await send(depot, store, { [lamp]: 4 })];
  const van = { arrivalId: uuidv7(), lines: [{ variantId: lamp, quantity: 1n }] };
  for (const arrivalId of [van.arrivalId, van.arrivalId.toUpperCase()]) {
    for (const id of ids) {
      const { transfer } = await staff.receiveTransfer({ ...van, id, arrivalId });
      t.like(transfer?.lines[0], { received: 1n, inTransit: 3n });
    }
  }
  t.deepEqual(await at(lamp, store), [[2, 0]]);
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
