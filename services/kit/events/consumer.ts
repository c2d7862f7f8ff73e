import type { JsMsg } from "@nats-io/jetstream";
import type { Logger } from "pino";
import { eventSubject } from "../data/outbox.ts";
import type { EventBus } from "./bus.ts";
import type { DeadLetters } from "./dead-letters.ts";
import { aggregateOf } from "./envelope.ts";
import type { EventHandler } from "./handle.ts";
import { createLanes, type Lanes } from "./lanes.ts";
import { pause } from "./pause.ts";
import { settler } from "./settle.ts";
import { ACK_WAIT_MS, isOpen, type Source, sourceOf } from "./source.ts";
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
  const sources = [...byDomain].map(([domain, subscriptions]) => sourceOf(options, domain, subscriptions));
  /** Ends the rests of those that have nothing to take. */
  let change = new AbortController();
  for (const wishes of new Set(options.subscriptions.map((it) => it.wishes))) {
    wishes?.heed(async () => {
      change.abort();
      change = new AbortController();
      await Promise.all(sources.filter(({ mayVary }) => mayVary).map((source) => source.shape()));
    });
  }
  const rest = () => pause(AWAY_MS, change.signal);
  const done = sources.map((source) => keepConsuming(options, source, lanes, stopping.signal, rest));
  return {
    backlog: () => Promise.all(sources.filter(isOpen).map(({ domain }) => backlogOf(options, domain))),
    async stop() {
      stopping.abort();
      change.abort();
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
  { bus, log }: ConsumerOptions,
  source: Source,
  lanes: Lanes<JsMsg>,
  signal: AbortSignal,
  rest: () => Promise<void>,
): Promise<void> {
  let told = false;
  while (!signal.aborted) {
    try {
      if (isOpen(source)) {
        await consumeUntilFailure(source, lanes, signal, () => {
          told = false;
        });
      }
    } catch (error) {
      // That NATS is away, the bus tells; while a service starts, it only is not there yet.
      if (!told && !signal.aborted && isOpen(source) && !bus.isAway()) {
        log.warn({ err: error, domain: source.domain }, "events cannot be taken from their stream");
        told = true;
      }
    }
    await rest();
  }
}

function consumeUntilFailure(
  { open }: Source,
  lanes: Lanes<JsMsg>,
  signal: AbortSignal,
  succeeded: () => void,
): Promise<void> {
  return open(async (consumer) => {
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

function askForPatience(message: JsMsg): void {
  try {
    message.working();
  } catch {
    // The connection over which it came is gone for good.
  }
}
