import { pause } from "./pause.ts";

/** Ways on which things are worked on side by side; those with the same key one after the other. */
export interface Lanes<T> {
  /**
   * Gives a thing to the lanes.
   *
   * @returns when there is room for another one
   */
  add(thing: T): Promise<void>;
  /** Everything that was added and is not done. */
  readonly inHand: ReadonlySet<T>;
  /** Waits until everything is done; what waits for another attempt has it at once. */
  drained(): Promise<void>;
}

/** How many lanes there are, and how much they take. */
export interface LaneOptions<T> {
  /** How many lanes there are at most. One does it as long as it keeps up. */
  readonly lanes: number;
  /** How many things are worked on together at most, where more than one waits. */
  readonly together: number;
  /** How long a lane rests that has done what there was, in ms: what comes meanwhile is worked on together. */
  readonly restMs: number;
  /** How long a lane may work until what came since goes to another one, in ms. */
  readonly patienceMs: number;
  /** How many things may be in hand, beside those that wait for another attempt. */
  readonly most: number;
  /** What has the same key is worked on in its order. */
  keyOf(thing: T): string;
  /**
   * Works on things, in their order; never rejects.
   *
   * @returns those that are to be worked on again, in their order, and after how many ms: what has their key waits
   *   for them, everything else goes on
   */
  work(things: readonly T[]): Promise<ReadonlyMap<T, number>>;
}

/** Things with one key, of which the first waits for another attempt. */
interface Hold<T> {
  readonly things: T[];
  /** Puts them back before what waits. */
  readonly release: () => void;
}

/**
 * Makes lanes.
 *
 * @param options how many, and what is done in them
 */
export function createLanes<T>(options: LaneOptions<T>): Lanes<T> {
  const { keyOf, most, together } = options;
  const draining = new AbortController();
  const inHand = new Set<T>();
  const holds = new Map<string, Hold<T>>();
  /** The keys of what is worked on. */
  const busy = new Set<string>();
  const running = new Set<Promise<void>>();
  let queue: T[] = [];
  let held = 0;
  /** How many lanes are open, and how many of them will soon take what waits. */
  let open = 0;
  let prompt = 0;
  let room = Promise.withResolvers<void>();

  function openLane(): void {
    if (open === options.lanes || queue.length === 0) return;
    open++;
    const lane: Promise<void> = runLane().finally(() => running.delete(lane));
    running.add(lane);
  }

  async function runLane(): Promise<void> {
    prompt++;
    // What comes in one packet is worked on together.
    await new Promise(setImmediate);
    for (let things = take(); things.length > 0; things = take()) {
      const again = await workPatiently(things);
      for (const thing of things) {
        busy.delete(keyOf(thing));
        if (!again.has(thing)) inHand.delete(thing);
      }
      if (again.size > 0) holdBack(again);
      room.resolve();
      room = Promise.withResolvers();
      if (queue.length < together) await pause(options.restMs, draining.signal);
    }
    prompt--;
    open--;
  }

  /** Takes what waits, but for what has the key of something that another lane works on. */
  function take(): T[] {
    const taken: T[] = [];
    const left: T[] = [];
    for (const thing of queue) {
      (taken.length < together && !busy.has(keyOf(thing)) ? taken : left).push(thing);
    }
    for (const thing of taken) busy.add(keyOf(thing));
    queue = left;
    return taken;
  }

  async function workPatiently(things: readonly T[]): Promise<ReadonlyMap<T, number>> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      prompt--;
      openLane();
    }, options.patienceMs);
    const again = await options.work(things);
    clearTimeout(timer);
    if (late) prompt++;
    return again;
  }

  function holdBack(again: ReadonlyMap<T, number>): void {
    for (const [thing, ms] of again) if (!joinHold(thing)) hold(thing, ms);
    queue = queue.filter((thing) => !joinHold(thing));
  }

  function joinHold(thing: T): boolean {
    const hold = holds.get(keyOf(thing));
    if (hold === undefined) return false;
    hold.things.push(thing);
    held++;
    return true;
  }

  function hold(thing: T, ms: number): void {
    const key = keyOf(thing);
    const things = [thing];
    held++;
    const release = () => {
      clearTimeout(timer);
      holds.delete(key);
      held -= things.length;
      queue.unshift(...things);
      openWhereNeeded();
    };
    const timer = setTimeout(release, ms);
    holds.set(key, { things, release });
  }

  function openWhereNeeded(): void {
    if (prompt === 0 || queue.length >= together) openLane();
  }

  return {
    inHand,
    async add(thing) {
      inHand.add(thing);
      if (!joinHold(thing)) {
        queue.push(thing);
        openWhereNeeded();
      }
      while (inHand.size - held >= most) await room.promise;
    },
    async drained() {
      draining.abort();
      while (running.size > 0 || holds.size > 0) {
        for (const { release } of holds.values()) release();
        await Promise.all(running);
      }
    },
  };
}
