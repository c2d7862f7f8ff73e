import { setTimeout as delay } from "node:timers/promises";
import type { JsMsg } from "@nats-io/jetstream";
import type { Logger } from "pino";
import { eventSubject } from "../data/outbox.ts";
import { isMeshRefusal, MeshReason, SoukError } from "../error.ts";
import type { EventBus } from "./bus.ts";
import type { DeadLetters } from "./dead-letters.ts";
import { ID_HEADER } from "./envelope.ts";
import { HANDLE_MS, type HandleEvent, UnreadableEvent } from "./handle.ts";
import type { Subscription } from "./subscription.ts";

/** Takes events from the streams of others. */
export interface Consumer {
  /** Takes no more and finishes those in hand. */
  stop(): Promise<void>;
}

/** How a consumer works. */
export interface ConsumerOptions {
  readonly service: string;
  readonly subscriptions: readonly Subscription[];
  readonly bus: EventBus;
  readonly handle: HandleEvent;
  readonly deadLetters: DeadLetters;
  readonly log: Logger;
  /** The pauses before an event is tried again, in ms; after the last one it is given up. */
  readonly retryDelaysMs: readonly number[];
}

/** How many events are handled at a time; those of one aggregate one after the other. */
const LANES = 8;
const PREFETCH = 64;
/** The server delivers again what was not acknowledged in this time, in ns. */
const ACK_WAIT_NS = (HANDLE_MS + 10_000) * 1e6;
const AWAY_MS = 1_000;

/**
 * Takes the events that a service heeds and hands each to its handler until it took effect. One
 * that fails comes again after a while, the ones behind it go on; one that keeps failing ends
 * among the dead letters.
 */
export function startConsumer(options: ConsumerOptions): Consumer {
  const stopping = new AbortController();
  const byDomain = Map.groupBy(options.subscriptions, ({ schema }) => eventSubject(schema).split(".")[0] ?? "");
  const done = [...byDomain].map(([domain, subscriptions]) =>
    keepConsuming(options, domain, subscriptions, stopping.signal),
  );
  return {
    async stop() {
      stopping.abort();
      await Promise.all(done);
    },
  };
}

async function keepConsuming(
  options: ConsumerOptions,
  domain: string,
  subscriptions: readonly Subscription[],
  signal: AbortSignal,
): Promise<void> {
  const failures = new Map<string, number>();
  while (!signal.aborted) {
    try {
      await consumeUntilFailure(options, domain, subscriptions, failures, signal);
    } catch (error) {
      if (signal.aborted) return;
      options.log.warn({ err: error, domain }, "events cannot be taken from their stream");
      await delay(AWAY_MS, undefined, { signal }).catch(() => {});
    }
  }
}

async function consumeUntilFailure(
  options: ConsumerOptions,
  domain: string,
  subscriptions: readonly Subscription[],
  failures: Map<string, number>,
  signal: AbortSignal,
): Promise<void> {
  const { bus, service } = options;
  const stream = await bus.ensureStream(domain);
  const { client, manager } = await bus.streams();
  await manager.consumers.add(stream, {
    durable_name: service,
    ack_policy: "explicit",
    ack_wait: ACK_WAIT_NS,
    max_ack_pending: 1_000,
    filter_subjects: subscriptions.map(({ schema }) => `${bus.namespace}.${eventSubject(schema)}.*`),
  });
  const consumer = await client.consumers.get(stream, service);
  const messages = await consumer.consume({ max_messages: PREFETCH });
  const stop = () => messages.stop();
  signal.addEventListener("abort", stop, { once: true });
  const lanes: Promise<void>[] = Array.from({ length: LANES }, () => Promise.resolve());
  try {
    for await (const message of messages) {
      const lane = laneOf(message.subject);
      lanes[lane] = (lanes[lane] as Promise<void>).then(() => settle(options, message, failures));
    }
  } finally {
    signal.removeEventListener("abort", stop);
    await Promise.all(lanes);
  }
}

/** Handles a message and tells the server what became of it; never throws. */
async function settle(options: ConsumerOptions, message: JsMsg, failures: Map<string, number>): Promise<void> {
  const { handle, retryDelaysMs, log } = options;
  const id = message.headers?.get(ID_HEADER) || String(message.seq);
  try {
    await handle(message);
    failures.delete(id);
    message.ack();
  } catch (error) {
    if (isMeshRefusal(error, MeshReason.DEPENDENCY_UNAVAILABLE)) {
      // A store being away is no fault of the event and costs it no attempt.
      message.nak(AWAY_MS);
      return;
    }
    const attempts = (failures.get(id) ?? 0) + 1;
    const pauseMs = retryDelaysMs[attempts - 1];
    if (pauseMs !== undefined && !(error instanceof UnreadableEvent)) {
      failures.set(id, attempts);
      log.warn({ err: error, event: id, subject: message.subject, attempts, pauseMs }, "event will be tried again");
      message.nak(pauseMs);
      return;
    }
    await bury(options, message, error, attempts);
    failures.delete(id);
  }
}

async function bury({ deadLetters, log }: ConsumerOptions, message: JsMsg, error: unknown, attempts: number) {
  const why = error instanceof SoukError && error.cause instanceof Error ? error.cause : error;
  const text = why instanceof Error ? `${why.name}: ${why.message}` : String(why);
  try {
    await deadLetters.bury(message, message.subject, text, attempts);
    message.term(text.slice(0, 100));
    log.error({ err: error, subject: message.subject, attempts }, "event was given up; it is among the dead letters");
  } catch (cause) {
    log.warn({ err: cause, subject: message.subject }, "event cannot be put among the dead letters yet");
    message.nak(AWAY_MS);
  }
}

/** Events of one aggregate share a subject, and so a lane. */
function laneOf(subject: string): number {
  let hash = 0;
  for (let index = 0; index < subject.length; index++) hash = (hash * 31 + subject.charCodeAt(index)) | 0;
  return Math.abs(hash) % LANES;
}
