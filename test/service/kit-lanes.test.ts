import test from "ava";
import { createLanes } from "#kit/events/lanes.ts";

const NOTHING: ReadonlyMap<string, number> = new Map();

/** Lanes in which each thing is its own key up to the slash, and where work ends when the test lets it. */
function openLanes(restMs: number, patienceMs = 10) {
  const begun: { readonly things: readonly string[]; readonly end: () => void }[] = [];
  const lanes = createLanes<string>({
    lanes: 2,
    together: 3,
    restMs,
    patienceMs,
    most: 100,
    keyOf: (thing) => thing.split("/")[0] ?? "",
    work: (things) =>
      new Promise((resolve) => {
        begun.push({ things, end: () => resolve(NOTHING) });
        for (const waiter of waiters.splice(0)) waiter();
      }),
  });
  const waiters: (() => void)[] = [];
  return {
    lanes,
    async nth(index: number) {
      while (begun.length <= index) await new Promise<void>((resolve) => waiters.push(resolve));
      return begun[index] as (typeof begun)[number];
    },
    begun: () => begun.map(({ things }) => things),
  };
}

test("what comes in one go is worked on together, as much as a lane takes", async (t) => {
  const { lanes, nth } = openLanes(0);
  for (const thing of ["a", "b", "c", "d"]) await lanes.add(thing);
  t.deepEqual((await nth(0)).things, ["a", "b", "c"]);
  (await nth(0)).end();
  t.deepEqual((await nth(1)).things, ["d"]);
  (await nth(1)).end();
  await lanes.drained();
  t.is(lanes.inHand.size, 0);
});

test("what comes while a lane rests waits for its next turn", async (t) => {
  const { lanes, nth, begun } = openLanes(60_000, 60_000);
  await lanes.add("a");
  (await nth(0)).end();
  await new Promise(setImmediate);
  await lanes.add("b");
  await lanes.add("c");
  await new Promise(setImmediate);
  t.deepEqual(begun(), [["a"]]);
  const drained = lanes.drained();
  t.deepEqual((await nth(1)).things, ["b", "c"]);
  (await nth(1)).end();
  await drained;
});

test("who works for long holds up what has the same key and nothing else", async (t) => {
  const { lanes, nth, begun } = openLanes(0);
  await lanes.add("a/1");
  const slow = await nth(0);
  await lanes.add("a/2");
  await lanes.add("b/1");
  t.deepEqual((await nth(1)).things, ["b/1"]);
  (await nth(1)).end();
  await lanes.add("c/1");
  t.deepEqual((await nth(2)).things, ["c/1"]);
  t.deepEqual(begun(), [["a/1"], ["b/1"], ["c/1"]]);
  slow.end();
  t.deepEqual((await nth(3)).things, ["a/2"]);
  for (const index of [2, 3]) (await nth(index)).end();
  await lanes.drained();
});
