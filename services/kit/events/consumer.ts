import {
  type ConsumerUpdateConfig,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  type JsMsg,
} from "@nats-io/jetstream";
import type { Logger } from "pino";
import { eventSubject } from "../data/outbox.ts";
import type { EventBus } from "./bus.ts";
import type { DeadLetters } from "./dead-letters.ts";
import { aggregateOf } from "./envelope.ts";
import type { EventHandler } from "./handle.ts";
import { createLanes, type Lanes } from "./lanes.ts";
import { pause } from "./pause.ts";
import { settler } from "./settle.ts";
import type { Subscription } from "./subscription.ts";

/** Takes events from the streams of others. */
export interface Consumer {
  /**
   * How many events of each domain have not taken effect here yet.
   *
   * @throws SoukError DEPENDENCY_UNAVAILABLE while NATS is away
   */
  backlog(): Promise<{ readonly domain: string; readonly events: number }[]>;
  /** Takes no more and finishes those in hand. */
  stop(): Promise<void>;
}

/** How a consumer works. */
export interface ConsumerOptions {
  readonly service: string;
  readonly subscriptions: readonly Subscription[];
  readonly bus: EventBus;
  readonly handle: EventHandler;
  readonly deadLetters: DeadLetters;
  readonly log: Logger;
  /** The pauses before an event is tried again, in ms; after the last one it is given up. */
  readonly retryDelaysMs: readonly number[];
}

/** How many transactions handle events side by side at most; those of one aggregate never are. */
const LANES = 4;
/** How many events that wait are handled in one transaction. */
const TOGETHER = 16;
/** The least time between two transactions while events come, and how long one may take until another begins, in ms. */
const REST_MS = 50;
const PATIENCE_MS = 50;
const MOST_IN_HAND = 256;
const PREFETCH = 128;
/** How many events may be out at all consumers of a service, those that wait to be tried again included. */
const MOST_UNACKNOWLEDGED = 5_000;
/** The server delivers again what it heard nothing of in this time, in ms; it hears of what is in hand. */
const ACK_WAIT_MS = 10_000;
const AWAY_MS = 500;

/**
 * Takes the events that a service heeds and hands each to its handler until it took effect. One
 * that fails comes again after a while, the ones behind it go on; one that keeps failing ends
 * among the dead letters.
 *
 * @param options how it works
 */
export function startConsumer(options: ConsumerOptions): Consumer {
  const stopping = new AbortController();
  const lanes = createLanes<JsMsg>({
    lanes: LANES,
    together: TOGETHER,
    restMs: REST_MS,
    patienceMs: PATIENCE_MS,
    most: MOST_IN_HAND,
    // What tells of an aggregate by different events is in order, too.
    keyOf: ({ subject }) => aggregateOf(subject),
    work: settler(options, stopping.signal),
  });
  const patience = setInterval(() => {
    for (const message of lanes.inHand) askForPatience(message);
  }, ACK_WAIT_MS / 3);
  const byDomain = Map.groupBy(
    options.subscriptions,
    ({ schema }) => eventSubject(schema).split(".")[0] ?? "",
  );
  const done = [...byDomain].map(([domain, subscriptions]) =>
    keepConsuming(options, domain, subscriptions, lanes, stopping.signal),
  );
  return {
    backlog: () => Promise.all([...byDomain.keys()].map((domain) => backlogOf(options, domain))),
    async stop() {
      stopping.abort();
      await Promise.all(done);
      await lanes.drained();
      clearInterval(patience);
    },
  };
}

function backlogOf({ bus, service }: ConsumerOptions, domain: string) {
  return bus.withStream(domain, async (stream, { manager }) => {
    const { num_pending, num_ack_pending } = await manager.consumers.info(stream, service);
    return { domain, events: num_pending + num_ack_pending };
  });
}

async function keepConsuming(
  options: ConsumerOptions,
  domain: string,
  subscriptions: readonly Subscription[],
  lanes: Lanes<JsMsg>,
  signal: AbortSignal,
): Promise<void> {
  let told = false;
  while (!signal.aborted) {
    try {
      await consumeUntilFailure(options, domain, subscriptions, lanes, signal, () => {
        told = false;
      });
    } catch (error) {
      // That NATS is away, the bus tells; while a service starts, it only is not there yet.
      if (!told && !signal.aborted && !options.bus.isAway()) {
        options.log.warn({ err: error, domain }, "events cannot be taken from their stream");
        told = true;
      }
    }
    await pause(AWAY_MS, signal);
  }
}

function consumeUntilFailure(
  options: ConsumerOptions,
  domain: string,
  subscriptions: readonly Subscription[],
  lanes: Lanes<JsMsg>,
  signal: AbortSignal,
  succeeded: () => void,
): Promise<void> {
  const { bus, service } = options;
  const settings = {
    ack_wait: ACK_WAIT_MS * 1e6,
    max_ack_pending: MOST_UNACKNOWLEDGED,
    filter_subjects: subscriptions.map(({ schema }) => `${bus.namespace}.${eventSubject(schema)}.*`),
  };
  return bus.withStream(domain, async (stream, { client, manager }) => {
    await ensureConsumer(manager, stream, service, settings);
    const consumer = await client.consumers.get(stream, service);
    const messages = await consumer.consume({ max_messages: PREFETCH, abort_on_missing_resource: true });
    succeeded();
    const stop = () => messages.stop();
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    try {
      for await (const message of messages) await lanes.add(message);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  });
}

/** A release that heeds other events than the one before changes its consumer and goes on where that was. */
async function ensureConsumer(
  { consumers }: JetStreamManager,
  stream: string,
  name: string,
  settings: ConsumerUpdateConfig,
): Promise<void> {
  try {
    await consumers.update(stream, name, settings);
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== JetStreamApiCodes.ConsumerNotFound)
      throw error;
    await consumers.add(stream, { durable_name: name, ack_policy: "explicit", ...settings });
  }
}

function askForPatience(message: JsMsg): void {
  try {
    message.working();
  } catch {
    // The connection over which it came is gone for good.
  }
}
