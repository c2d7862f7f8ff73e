/** Ways on which things are worked on side by side; those with the same key one after the other. */
export interface Lanes<T> {
  /**
   * Puts a thing into the lane of its key.
   *
   * @returns when there is room for another one
   */
  add(key: string, thing: T): Promise<void>;
  /** Everything that was added and is not done. */
  readonly inHand: ReadonlySet<T>;
  /** Waits until everything is done. */
  drained(): Promise<void>;
}

/** How many lanes there are, and how much they take. */
export interface LaneOptions<T> {
  readonly lanes: number;
  /** How many things are worked on together at most, where more than one waits in a lane. */
  readonly together: number;
  /** How many things may be in hand. */
  readonly most: number;
  /** Works on things of one lane, in their order; never rejects. */
  work(things: readonly T[]): Promise<void>;
}

/**
 * Makes lanes.
 *
 * @param options how many, and what is done in them
 */
export function createLanes<T>(options: LaneOptions<T>): Lanes<T> {
  const queues: T[][] = Array.from({ length: options.lanes }, () => []);
  const running = new Map<number, Promise<void>>();
  const inHand = new Set<T>();
  let room = Promise.withResolvers<void>();

  async function runLane(lane: number, queue: T[]): Promise<void> {
    while (queue.length > 0) {
      const things = queue.splice(0, options.together);
      await options.work(things);
      for (const thing of things) inHand.delete(thing);
      room.resolve();
      room = Promise.withResolvers();
    }
    running.delete(lane);
  }

  return {
    inHand,
    async add(key, thing) {
      const lane = laneOf(key, options.lanes);
      const queue = queues[lane] as T[];
      queue.push(thing);
      inHand.add(thing);
      if (!running.has(lane)) running.set(lane, runLane(lane, queue));
      while (inHand.size >= options.most) await room.promise;
    },
    async drained() {
      await Promise.all(running.values());
    },
  };
}

function laneOf(key: string, lanes: number): number {
  let hash = 0;
  for (let index = 0; index < key.length; index++) hash = (hash * 31 + key.charCodeAt(index)) | 0;
  return Math.abs(hash) % lanes;
}
