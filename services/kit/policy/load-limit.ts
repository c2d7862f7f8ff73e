import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";
import { MeshReason, refuseMesh, type SoukError } from "../error.ts";

/** Whose work a call is: new work from outside, or part of work that is under way inside. */
export type Origin = "outside" | "inside";

/** How many calls are worked on at a time. */
export interface LoadLimit {
  /**
   * Whether a call would be turned away if it came now, for who wants to know before it makes anything of the call.
   * It is counted as turned away then; otherwise it is expected to enter within this turn of the event loop.
   *
   * @param origin whose work it is
   * @returns what it is turned away with; nothing when it may come
   */
  refuse(origin: Origin): SoukError | undefined;
  /**
   * Takes a place for a call, or waits for one.
   *
   * @param origin whose work it is
   * @returns nothing when there is a place at once
   * @throws SoukError OVERLOADED when there is none and none comes soon; by rejection after a wait
   */
  enter(origin: Origin): Promise<void> | undefined;
  /**
   * Gives a place back.
   *
   * @param kind calls of one kind take about as long as each other
   * @param tookMs how long the call took, in ms; undefined where that says nothing about the load
   */
  leave(kind: object, tookMs: number | undefined): void;
  report(): LoadReport;
  stop(): void;
}

/** How much there is to do. */
export interface LoadReport {
  /** Places there are now. */
  readonly limit: number;
  /** Calls that are worked on. */
  readonly underWay: number;
  /** Calls that wait for a place. */
  readonly waiting: number;
  /** How late the event loop is, in ms. */
  readonly loopDelayMs: number;
  /** Calls that were turned away so far. */
  readonly shed: Readonly<Record<Origin, number>>;
}

/** The limit is looked at anew after so long, in ms. */
const WINDOW_MS = 100;
/** Never less than this: some calls wait for others and take no time of ours. */
const LEAST = 16;
/** There is no knowing at first how much can be borne. */
const FIRST = 256;
/** So many places more are for work that is under way inside: to turn that away would waste what was done. */
const INSIDE_SHARE = 1 / 4;
/** Calls slow each other down when they take so many times as long as usual. */
const SLOWED = 4;
/** Whatever takes less than this, in ms, is not worth a thought. */
const SHORT_MS = 5;
/**
 * The event loop has more to do than it can when it is as late as this, in ms. What is read from a connection
 * then has waited there for about as long, which no queue of ours shows.
 */
const LATE_MS = 100;
/**
 * A call takes about so many turns of the event loop. While turns are late, because there is much to turn away or
 * the machine is busy, so many calls have to be under way as are done in that time: fewer would only do less.
 */
const TURNS = 3;
/** How much of the most that was done in a window is still thought possible a window later. */
const FORGET = 0.995;
/** With so few calls under way they do not slow each other down: that is what is usual. */
const CALM = 8;
/** How long a call waits for a place at most, in ms. */
const WAIT_MS = 100;
/** As many calls wait as are begun in this time, in ms: a burst finds room, and a flood makes nobody wait for long. */
const QUEUE_MS = 50;
/** So many may wait even where calls take long. */
const SHORTEST_QUEUE = 16;
const SWEEP_MS = 10;
const LOOP_RESOLUTION_MS = 20;
const BEAT_MS = 50;
/** When a caller that was turned away may come again, in ms; more or less by a half, so that not all come at once. */
const RETRY_MS = 500;

interface Waiting {
  readonly since: number;
  readonly admit: () => void;
  readonly refuse: (error: SoukError) => void;
}

interface Kind {
  usualMs: number | undefined;
  sumMs: number;
  count: number;
}

/**
 * Limits how many calls are worked on at a time. The limit finds itself: it falls while calls take several
 * times as long as they usually do, or the event loop is late, and rises while it is reached and they do not
 * (additive increase, multiplicative decrease). A burst waits in a queue that is as long as will be served in a
 * moment. While the event loop stays late, new work is turned away as it is read.
 *
 * @param most how far the limit rises
 */
export function createLoadLimit(most: number): LoadLimit {
  const least = Math.min(LEAST, most);
  const loop: IntervalHistogram = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  loop.enable();
  const kinds = new Map<object, Kind>();
  const queues: Readonly<Record<Origin, Waiting[]>> = { inside: [], outside: [] };
  const shed = { inside: 0, outside: 0 };
  let limit = Math.min(FIRST, most);
  let underWay = 0;
  let windowEndsAt = performance.now() + WINDOW_MS;
  let peak = 0;
  let done = 0;
  let bestPerMs = 0;
  let loopDelayMs = 0;
  // Who was let in and has not entered yet; nobody is waited for beyond this turn of the event loop.
  let letIn = 0;
  let isTurnWatched = false;
  let sweeper: NodeJS.Timeout | undefined;
  let lastBeat = performance.now();
  const heart = setInterval(() => {
    lastBeat = performance.now();
  }, BEAT_MS).unref();

  const placesFor = (origin: Origin) =>
    origin === "inside" ? limit + Math.ceil(limit * INSIDE_SHARE) : limit;
  const waiting = () => queues.inside.length + queues.outside.length;

  function floor(): number {
    return Math.min(most, Math.max(least, Math.ceil(bestPerMs * TURNS * Math.min(loopDelayMs, LATE_MS))));
  }

  /** Whether the loop was late for a while, and is so at this moment, with work in hand. */
  function isBehind(): boolean {
    if (loopDelayMs <= LATE_MS || underWay < floor()) return false;
    return performance.now() - lastBeat > BEAT_MS + LATE_MS;
  }

  /** As many as find a place in time: who waits in vain takes more time than who is turned away at once. */
  function longestQueue(): number {
    return Math.max(SHORTEST_QUEUE, Math.ceil(bestPerMs * QUEUE_MS));
  }

  function endTurn(): void {
    letIn = 0;
    isTurnWatched = false;
  }

  function take(): void {
    underWay++;
    if (underWay > peak) peak = underWay;
  }

  function refusal(origin: Origin): SoukError {
    shed[origin]++;
    return overloaded();
  }

  function admitWaiting(): void {
    for (const origin of ["inside", "outside"] as const) {
      const queue = queues[origin];
      while (queue.length > 0 && underWay < placesFor(origin)) {
        take();
        queue.shift()?.admit();
      }
    }
    if (waiting() > 0) return;
    clearInterval(sweeper);
    sweeper = undefined;
  }

  function sweep(): void {
    const now = performance.now();
    lookAnew(now);
    admitWaiting();
    for (const origin of ["outside", "inside"] as const) {
      const queue = queues[origin];
      while (queue[0] !== undefined && now - queue[0].since > WAIT_MS) queue.shift()?.refuse(refusal(origin));
    }
  }

  function lookAnew(now: number): void {
    if (now < windowEndsAt) return;
    bestPerMs = Math.max(bestPerMs * FORGET, done / (now - windowEndsAt + WINDOW_MS));
    done = 0;
    windowEndsAt = now + WINDOW_MS;
    loopDelayMs = loop.count > 0 ? Math.max(0, loop.mean / 1e6 - LOOP_RESOLUTION_MS) : 0;
    loop.reset();
    const slowed = slowdown(kinds, peak <= CALM) > SLOWED || loopDelayMs > LATE_MS;
    if (slowed && peak > limit / 2) limit = Math.floor(limit * 0.8);
    else if (!slowed && peak >= limit) limit = Math.min(most, limit + Math.ceil(limit / 10));
    limit = Math.max(floor(), limit);
    peak = underWay;
  }

  return {
    refuse(origin) {
      const before = underWay + waiting() + letIn;
      if (before >= placesFor(origin) + longestQueue()) return refusal(origin);
      if (origin === "outside" && isBehind()) return refusal(origin);
      letIn++;
      if (!isTurnWatched) setImmediate(endTurn);
      isTurnWatched = true;
      return undefined;
    },
    enter(origin) {
      // From here on it is counted where it works or waits.
      if (letIn > 0) letIn--;
      if (underWay < placesFor(origin) && queues[origin].length === 0) {
        if (origin === "outside" && isBehind()) throw refusal(origin);
        take();
        return undefined;
      }
      lookAnew(performance.now());
      if (waiting() >= longestQueue()) throw refusal(origin);
      const place = Promise.withResolvers<void>();
      const since = performance.now();
      if (sweeper === undefined) {
        sweeper = setInterval(sweep, SWEEP_MS);
      }
      queues[origin].push({ since, admit: place.resolve, refuse: place.reject });
      return place.promise;
    },
    leave(kind, tookMs) {
      underWay--;
      done++;
      if (tookMs !== undefined) remember(kinds, kind, tookMs);
      lookAnew(performance.now());
      if (sweeper !== undefined) admitWaiting();
    },
    report: () => ({ limit, underWay, waiting: waiting(), loopDelayMs, shed: { ...shed } }),
    stop() {
      loop.disable();
      clearInterval(heart);
      clearInterval(sweeper);
      for (const queue of Object.values(queues)) {
        for (const { refuse } of queue.splice(0)) refuse(overloaded());
      }
    },
  };
}

function remember(kinds: Map<object, Kind>, of: object, tookMs: number): void {
  const kind = kinds.get(of);
  if (kind === undefined) kinds.set(of, { usualMs: undefined, sumMs: tookMs, count: 1 });
  else {
    kind.sumMs += tookMs;
    kind.count++;
  }
}

/** How many times as long as usual calls took in the window that is over. */
function slowdown(kinds: Map<object, Kind>, calm: boolean): number {
  let tookMs = 0;
  let usualMs = 0;
  for (const kind of kinds.values()) {
    if (kind.count === 0) continue;
    const meanMs = kind.sumMs / kind.count;
    // What is usual is learnt while little is under way; more than calls took can never have been usual.
    const known = kind.usualMs ?? meanMs;
    kind.usualMs = calm ? known + (meanMs - known) / 10 : Math.min(known, meanMs);
    tookMs += kind.sumMs;
    usualMs += kind.count * Math.max(SHORT_MS, kind.usualMs);
    kind.sumMs = 0;
    kind.count = 0;
  }
  return usualMs === 0 ? 1 : tookMs / usualMs;
}

/**
 * Made once: to make one for each call that is turned away, with its stack and its details, would take time that
 * there is none of.
 */
const REFUSALS: readonly SoukError[] = Array.from({ length: 16 }, (_, index) =>
  refuseMesh(MeshReason.OVERLOADED, "there is more to do than can be done at the moment; try again soon", {
    retryAfterMs: Math.round(RETRY_MS * (0.5 + index / 15)),
  }),
);

function overloaded(): SoukError {
  return REFUSALS[Math.floor(Math.random() * REFUSALS.length)] as SoukError;
}
