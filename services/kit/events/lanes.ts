/** Ways on which things are worked on side by side; those with the same key one after the other. */
export interface Lanes<T> {
  /**
   * Puts a thing into the lane of its key.
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
  readonly lanes: number;
  /** How many things are worked on together at most, where more than one waits in a lane. */
  readonly together: number;
  /** How many things may be in hand, beside those that wait for another attempt. */
  readonly most: number;
  /** What has the same key is worked on in its order. */
  keyOf(thing: T): string;
  /**
   * Works on things of one lane, in their order; never rejects.
   *
   * @returns those that are to be worked on again, in their order, and after how many ms: what has their key waits
   *   for them, everything else goes on
   */
  work(things: readonly T[]): Promise<ReadonlyMap<T, number>>;
}

/** Things with one key, of which the first waits for another attempt. */
interface Hold<T> {
  readonly things: T[];
  /** Puts them back into their lane. */
  readonly release: () => void;
}

/**
 * Makes lanes.
 *
 * @param options how many, and what is done in them
 */
export function createLanes<T>(options: LaneOptions<T>): Lanes<T> {
  const { keyOf, most, together } = options;
  const queues: T[][] = Array.from({ length: options.lanes }, () => []);
  const running = new Map<number, Promise<void>>();
  const inHand = new Set<T>();
  const holds = new Map<string, Hold<T>>();
  let held = 0;
  let room = Promise.withResolvers<void>();

  async function runLane(lane: number, queue: T[]): Promise<void> {
    while (queue.length > 0) {
      const things = queue.splice(0, together);
      const again = await options.work(things);
      for (const thing of things) if (!again.has(thing)) inHand.delete(thing);
      if (again.size > 0) holdBack(lane, queue, again);
      room.resolve();
      room = Promise.withResolvers();
    }
    running.delete(lane);
  }

  function start(lane: number): void {
    const queue = queues[lane] as T[];
    if (!running.has(lane) && queue.length > 0) running.set(lane, runLane(lane, queue));
  }

  function holdBack(lane: number, queue: T[], again: ReadonlyMap<T, number>): void {
    for (const [thing, ms] of again) if (!joinHold(thing)) hold(lane, thing, ms);
    const free = queue.filter((thing) => !joinHold(thing));
    queue.splice(0, queue.length, ...free);
  }

  function joinHold(thing: T): boolean {
    const hold = holds.get(keyOf(thing));
    if (hold === undefined) return false;
    hold.things.push(thing);
    held++;
    return true;
  }

  function hold(lane: number, thing: T, ms: number): void {
    const key = keyOf(thing);
    const things = [thing];
    held++;
    const release = () => {
      clearTimeout(timer);
      holds.delete(key);
      held -= things.length;
      queues[lane]?.unshift(...things);
      start(lane);
    };
    const timer = setTimeout(release, ms);
    holds.set(key, { things, release });
  }

  return {
    inHand,
    async add(thing) {
      inHand.add(thing);
      if (!joinHold(thing)) {
        const lane = laneOf(keyOf(thing), options.lanes);
        queues[lane]?.push(thing);
        start(lane);
      }
      while (inHand.size - held >= most) await room.promise;
    },
    async drained() {
      while (running.size > 0 || holds.size > 0) {
        for (const { release } of holds.values()) release();
        await Promise.all(running.values());
      }
    },
  };
}

function laneOf(key: string, lanes: number): number {
  let hash = 0;
  for (let index = 0; index < key.length; index++) hash = (hash * 31 + key.charCodeAt(index)) | 0;
  return Math.abs(hash) % lanes;
}
