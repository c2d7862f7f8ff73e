import pg from "pg";
import type { Logger } from "pino";
import type { Signal } from "#kit/data/signal.ts";

/** Tells those who wait that an order changed. */
export interface OrderChanges {
  /**
   * Begins to heed the changes of an order.
   *
   * @param orderId the order
   */
  watch(orderId: string): OrderWatch;
  /** Listens no more. */
  stop(): Promise<void>;
}

/** The changes of one order, for one who waits. */
export interface OrderWatch {
  /**
   * Waits until the order may have changed since the last time, or the time is up, or nobody waits any more.
   *
   * @param atMostMs the time, in ms
   * @param signal ends the wait
   */
  next(atMostMs: number, signal: AbortSignal): Promise<void>;
  /** Ends it. */
  close(): void;
}

const CHANNEL = "order_changed";
/** The least time between two notifications of other processes, in ms. */
const SPACING_MS = 20;
/** How many orders one notification names: a payload has 8,000 bytes at most. */
const MOST_NAMED = 200;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/**
 * Opens the one ear of a process for changes of orders, and its mouth for the ears of others: a connection of its own,
 * made again when it breaks. What is lost with it, or with a process, is found by looking.
 *
 * @param url order's database
 * @param bell rings for the orders that this process changed
 * @param log told when the connection breaks
 */
export function listenForOrderChanges(url: string, bell: Signal<string>, log: Logger): OrderChanges {
  const bells = new Map<string, Set<() => void>>();
  const untold = new Set<string>();
  let telling: NodeJS.Timeout | undefined;
  let pauseMs = FIRST_PAUSE_MS;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let client = connect();

  function ring(orderId: string): void {
    for (const bell of bells.get(orderId) ?? []) bell();
  }

  /** It is no part of the transactions that changed the orders, and one for many of them. */
  function tellOthers(): void {
    const ids = [...untold].slice(0, MOST_NAMED);
    for (const id of ids) untold.delete(id);
    telling = untold.size > 0 ? setTimeout(tellOthers, SPACING_MS) : undefined;
    client.query("select pg_notify($1, $2)", [CHANNEL, ids.join()]).catch(() => {});
  }

  const unheed = bell.heed((orderId) => {
    ring(orderId);
    untold.add(orderId);
    telling ??= setTimeout(tellOthers, SPACING_MS);
  });

  function connect(): pg.Client {
    const current = new pg.Client({
      connectionString: url,
      application_name: "souk-order-changes",
      keepAlive: true,
    });
    const broken = (error?: Error) => {
      if (stopped || client !== current || timer !== undefined) return;
      log.warn({ err: error, pauseMs }, "changes of orders are not told at once; connecting again");
      current.end().catch(() => {});
      timer = setTimeout(() => {
        timer = undefined;
        client = connect();
      }, pauseMs);
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    };
    current.on("error", broken);
    current.on("end", () => broken());
    current.on("notification", ({ payload = "" }) => {
      for (const orderId of payload.split(",")) ring(orderId);
    });
    current
      .connect()
      .then(() => current.query(`listen ${CHANNEL}`))
      .then(() => {
        pauseMs = FIRST_PAUSE_MS;
        // Nobody knows what changed while nobody listened.
        for (const orderId of bells.keys()) ring(orderId);
      })
      .catch(broken);
    return current;
  }

  return {
    watch(orderId) {
      const bell = createBell();
      const others = bells.get(orderId) ?? new Set();
      bells.set(orderId, others.add(bell.ring));
      return {
        next: bell.wait,
        close() {
          others.delete(bell.ring);
          if (others.size === 0) bells.delete(orderId);
        },
      };
    },
    async stop() {
      stopped = true;
      unheed();
      if (telling !== undefined) tellOthers();
      clearTimeout(telling);
      clearTimeout(timer);
      await client.end().catch(() => {});
    },
  };
}

/** A bell that may ring before anybody waits for it. */
function createBell() {
  let rung = false;
  let wake = () => {};
  return {
    ring() {
      rung = true;
      wake();
    },
    async wait(atMostMs: number, signal: AbortSignal): Promise<void> {
      if (!rung && !signal.aborted) {
        const waiting = Promise.withResolvers<void>();
        wake = waiting.resolve;
        const timer = setTimeout(wake, atMostMs);
        signal.addEventListener("abort", wake, { once: true });
        await waiting.promise;
        signal.removeEventListener("abort", wake);
        clearTimeout(timer);
      }
      rung = false;
    },
  };
}
