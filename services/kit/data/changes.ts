import pg from "pg";
import type { Logger } from "pino";
import type { Signal } from "./signal.ts";

/** Tells those who wait that something in a database changed. */
export interface Changes {
  /**
   * Begins to heed the changes of some things.
   *
   * @param ids the things
   */
  watch(...ids: readonly string[]): Watch;
  /** Listens no more. */
  stop(): Promise<void>;
}

/** The changes of some things, for one who waits. */
export interface Watch {
  /**
   * Waits until one of them may have changed since the last time, or the time is up, or nobody waits any more.
   *
   * @param atMostMs the time, in ms
   * @param signal ends the wait
   */
  next(atMostMs: number, signal: AbortSignal): Promise<void>;
  /** Ends it. */
  close(): void;
}

/** The least time between two notifications of other processes, in ms. */
const SPACING_MS = 20;
/** How many ids one notification names: a payload has 8,000 bytes at most. */
const MOST_NAMED = 200;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/**
 * Opens the one ear of a process for changes that are told on a channel, and its mouth for the ears of others: a
 * connection of its own, made again when it breaks. What is lost with it, or with a process, is found by looking.
 *
 * @param url the database
 * @param channel where the processes tell each other, for example "order_changed"
 * @param bell rings for what this process changed
 * @param log told when the connection breaks
 */
export function listenForChanges(url: string, channel: string, bell: Signal<string>, log: Logger): Changes {
  const bells = new Map<string, Set<() => void>>();
  const untold = new Set<string>();
  let telling: NodeJS.Timeout | undefined;
  let pauseMs = FIRST_PAUSE_MS;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let client = connect();

  function ring(id: string): void {
    for (const bell of bells.get(id) ?? []) bell();
  }

  /** It is no part of the transactions that made the changes, and one for many of them. */
  async function tellOthers(): Promise<void> {
    const ids = [...untold].slice(0, MOST_NAMED);
    for (const id of ids) untold.delete(id);
    // While the server is slow, what changes meanwhile is told in one go, and does not queue up behind this.
    await client.query("select pg_notify($1, $2)", [channel, ids.join()]).catch(() => {});
    telling = untold.size > 0 && !stopped ? setTimeout(tellOthers, SPACING_MS) : undefined;
  }

  const unheed = bell.heed((id) => {
    ring(id);
    untold.add(id);
    telling ??= setTimeout(tellOthers, SPACING_MS);
  });

  function connect(): pg.Client {
    const current = new pg.Client({
      connectionString: url,
      application_name: `souk-${channel.replaceAll("_", "-")}`,
      keepAlive: true,
    });
    const broken = (error?: Error) => {
      if (stopped || client !== current || timer !== undefined) return;
      log.warn({ err: error, channel, pauseMs }, "changes are not told at once; connecting again");
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
      for (const id of payload.split(",")) ring(id);
    });
    current
      .connect()
      .then(() => current.query(`listen ${channel}`))
      .then(() => {
        pauseMs = FIRST_PAUSE_MS;
        // Nobody knows what changed while nobody listened.
        for (const id of bells.keys()) ring(id);
      })
      .catch(broken);
    return current;
  }

  return {
    watch(...ids) {
      const bell = createBell();
      for (const id of ids) bells.set(id, (bells.get(id) ?? new Set()).add(bell.ring));
      return {
        next: bell.wait,
        close() {
          for (const id of ids) {
            const others = bells.get(id);
            others?.delete(bell.ring);
            if (others?.size === 0) bells.delete(id);
          }
        },
      };
    },
    async stop() {
      stopped = true;
      unheed();
      if (untold.size > 0) void tellOthers();
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
