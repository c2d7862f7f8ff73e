import type { Consumer, ConsumerMessages, JsMsg } from "@nats-io/jetstream";
import type { Logger } from "pino";
import type { EventBus, Streams } from "../events/bus.ts";
import { fromHeaders } from "../events/envelope.ts";
import { pause } from "../events/pause.ts";
import type { Endings } from "./endings.ts";
import type { Invalidations } from "./invalidations.ts";

/** Tells the cache of a replica of the events of its domain. */
export interface Feed {
  stop(): Promise<void>;
}

/** What a feed works with. */
export interface FeedOptions {
  readonly domain: string;
  readonly bus: EventBus;
  /** What the events of the domain end. */
  readonly endings: Endings;
  readonly invalidations: Invalidations;
  /** How long an answer lives at most: older events overtake none, in ms. */
  readonly longestLifeMs: number;
  readonly log: Logger;
}

/** How far clocks of different machines may be apart, in ms. */
const CLOCKS_APART_MS = 60_000;
/** How often the server says that there is nothing to say, in ms; the least that its client takes. */
const HEARTBEAT_MS = 500;
/** After this silence events are no longer heard, in ms. */
const SILENCE_MS = 2 * HEARTBEAT_MS + 200;
/** What the client tells of while all goes well: the server is quiet, a request for more ran out and is made anew. */
const HARMLESS: ReadonlySet<string> = new Set(["heartbeat", "next", "discard", "debug"]);
const PREFETCH = 1_000;
/** The server forgets a consumer whose replica is gone, in ms. */
const FORGOTTEN_AFTER_MS = 10_000;
const AWAY_MS = 250;

/**
 * Follows the events of a domain with a consumer of this replica alone, which keeps their order and leaves no trace.
 * Whenever it is not certain that each one arrives, the cache is told so, and the feed begins again behind the last.
 *
 * @param options what it works with
 */
export function startFeed(options: FeedOptions): Feed {
  const stopping = new AbortController();
  const done = keepFollowing(options, stopping.signal);
  return {
    async stop() {
      stopping.abort();
      await done;
    },
  };
}

async function keepFollowing(options: FeedOptions, signal: AbortSignal): Promise<void> {
  const { bus, domain, log } = options;
  for (let told = false; !signal.aborted; ) {
    try {
      await bus.withStream(domain, (name, streams) =>
        followUntilFailure(options, name, streams, signal, () => {
          told = false;
        }),
      );
    } catch (error) {
      // That NATS is away, the bus tells.
      if (!told && !signal.aborted && !bus.isAway())
        log.warn({ err: error }, "events cannot be followed; answers live for a second");
      told = true;
    }
    await pause(AWAY_MS, signal);
  }
}

async function followUntilFailure(
  options: FeedOptions,
  name: string,
  streams: Streams,
  signal: AbortSignal,
  succeeded: () => void,
): Promise<void> {
  const { invalidations } = options;
  const { created, state } = await streams.manager.streams.info(name);
  const after = invalidations.follow(created, state.last_seq);
  const consumer = await makeConsumer(options, streams, name, after);
  const { num_pending } = await consumer.info(true);
  const messages = await consumer.consume({ max_messages: PREFETCH, idle_heartbeat: HEARTBEAT_MS });
  let stopped = false;
  const stop = () => {
    stopped = true;
    // Told at once: the messages may end a while later.
    invalidations.deaf();
    messages.stop();
  };
  const watch = watchOver(messages, streams, stop, signal);
  const caughtUp = () => {
    if (stopped) return;
    invalidations.hearing(state.last_seq);
    succeeded();
  };
  try {
    if (num_pending === 0) caughtUp();
    for await (const message of messages) {
      watch.heard();
      hear(message, options);
      if (message.info.pending === 0) caughtUp();
    }
  } finally {
    watch.end();
    void consumer.delete().catch(() => {});
  }
}

function makeConsumer(
  { bus, endings, longestLifeMs }: FeedOptions,
  { client }: Streams,
  stream: string,
  after: number,
): Promise<Consumer> {
  const since = new Date(Date.now() - longestLifeMs - CLOCKS_APART_MS).toISOString();
  return client.consumers.get(stream, {
    filter_subjects: endings.subjects.map((subject) => `${bus.namespace}.${subject}.*`),
    inactive_threshold: FORGOTTEN_AFTER_MS,
    ...(after > 0 ? { opt_start_seq: after + 1 } : { opt_start_time: since }),
  });
}

function hear({ seq, data, headers }: JsMsg, { endings, invalidations, log }: FeedOptions): void {
  try {
    const { id, type } = fromHeaders(headers);
    invalidations.heard(seq, { id, tags: endings.tagsOf(type, data) });
  } catch (error) {
    log.warn({ err: error, sequence: seq }, "an event cannot be read; it ends the life of all answers");
    invalidations.heardNoise(seq);
  }
}

/** Stops as soon as a message might have been missed: the server is silent, the connection breaks, one is skipped. */
function watchOver(
  messages: ConsumerMessages,
  { connection }: Streams,
  stop: () => void,
  signal: AbortSignal,
) {
  let heardAt = performance.now();
  const heard = () => {
    heardAt = performance.now();
  };
  const patience = setInterval(() => {
    if (performance.now() - heardAt > SILENCE_MS) stop();
  }, HEARTBEAT_MS / 2);
  const health = connection.status();
  void (async () => {
    for await (const { type } of health) if (type === "disconnect") stop();
  })();
  void (async () => {
    for await (const { type } of messages.status()) {
      if (HARMLESS.has(type)) heard();
      else stop();
    }
  })();
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  return {
    heard,
    end() {
      clearInterval(patience);
      signal.removeEventListener("abort", stop);
      (health as { stop?(): void }).stop?.();
      stop();
    },
  };
}
