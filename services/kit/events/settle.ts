import type { JsMsg } from "@nats-io/jetstream";
import { isMeshRefusal, MeshReason } from "../error.ts";
import type { ConsumerOptions } from "./consumer.ts";
import { aggregateOf, ID_HEADER } from "./envelope.ts";
import { HANDLE_MS, type ReadEvent } from "./handle.ts";
import { UnfitEvent } from "./subscription.ts";

interface ReadMessage {
  readonly message: JsMsg;
  readonly read: ReadEvent;
}

/** Handlers heed their deadline; one that hangs anyway is left behind after this time, in ms. */
const HANG_MS = HANDLE_MS + 5_000;
/** How often more than it is tried an event may be delivered: processes die, too, without being its fault. */
const SPARE_DELIVERIES = 10;
const AWAY_MS = 1_000;

/**
 * Makes the function that lets messages take effect and tells the server what became of each.
 *
 * @param options how the consumer works
 * @param signal aborted when the consumer shall stop: what is not begun is left to others
 * @returns the function; it gives those that are to be tried again, and after how many ms
 */
export function settler(
  options: ConsumerOptions,
  signal: AbortSignal,
): (messages: readonly JsMsg[]) => Promise<ReadonlyMap<JsMsg, number>> {
  const { handle, deadLetters, retryDelaysMs, log } = options;
  const mostDeliveries = retryDelaysMs.length + 1 + SPARE_DELIVERIES;
  /** How often each was tried here. */
  const tries = new WeakMap<JsMsg, number>();

  return async function settle(messages) {
    const again = new Map<JsMsg, number>();
    if (signal.aborted) {
      for (const message of messages) answer(message, "nak");
      return again;
    }
    const readable: ReadMessage[] = [];
    for (const message of messages) {
      try {
        refuseDeadly(message, mostDeliveries);
        readable.push({ message, read: handle.read(message) });
      } catch (error) {
        await giveUp(message, error, again);
      }
    }
    await letTakeEffect(readable, again);
    return again;
  };

  async function letTakeEffect(messages: readonly ReadMessage[], again: Map<JsMsg, number>): Promise<void> {
    try {
      await within(HANG_MS, handle.handle(messages.map(({ read }) => read)));
      for (const { message } of messages) answer(message, "ack");
    } catch (error) {
      const storeAway = isMeshRefusal(error, MeshReason.DEPENDENCY_UNAVAILABLE);
      if (storeAway && (await handle.waitForDatabase(signal))) {
        // That the database was away is no fault of the events and costs them no attempt.
        if (signal.aborted) for (const { message } of messages) answer(message, "nak");
        else await letTakeEffect(messages, again);
        return;
      }
      const [first] = messages;
      if (messages.length > 1) await letEachTakeEffect(messages, again);
      else if (first !== undefined) await postpone(first.message, error, again);
    }
  }

  /** What tells of the same aggregate as one that is to be tried again waits for that. */
  async function letEachTakeEffect(
    messages: readonly ReadMessage[],
    again: Map<JsMsg, number>,
  ): Promise<void> {
    const waiting = new Set<string>();
    for (const each of messages) {
      const aggregate = aggregateOf(each.message.subject);
      if (waiting.has(aggregate)) again.set(each.message, 0);
      else await letTakeEffect([each], again);
      if (again.has(each.message)) waiting.add(aggregate);
    }
  }

  async function postpone(message: JsMsg, error: unknown, again: Map<JsMsg, number>): Promise<void> {
    const attempts = (tries.get(message) ?? 0) + 1;
    tries.set(message, attempts);
    const pauseMs = retryDelaysMs[attempts - 1];
    if (pauseMs === undefined || error instanceof UnfitEvent) return giveUp(message, error, again);
    const event = message.headers?.get(ID_HEADER);
    log.warn({ err: error, event, subject: message.subject, attempts, pauseMs }, "event will be tried again");
    again.set(message, pauseMs);
  }

  async function giveUp(message: JsMsg, error: unknown, again: Map<JsMsg, number>): Promise<void> {
    const { subject } = message;
    const attempts = Math.max(tries.get(message) ?? 1, message.info.deliveryCount);
    try {
      await deadLetters.bury(message, error, attempts);
      answer(message, "term");
      log.error({ err: error, subject, attempts }, "event was given up; it is among the dead letters");
    } catch (cause) {
      log.warn({ err: cause, subject }, "event cannot be put among the dead letters yet");
      again.set(message, AWAY_MS);
    }
  }
}

/** What the server does not hear, because it is away, it learns when it delivers the message again. */
function answer(message: JsMsg, outcome: "ack" | "nak" | "term"): void {
  try {
    message[outcome]();
  } catch {
    // The connection over which it came is gone for good.
  }
}

/** @throws Error when the message was delivered so often that its handler must be ending the process */
function refuseDeadly(message: JsMsg, mostDeliveries: number): void {
  const { deliveryCount } = message.info;
  if (deliveryCount <= mostDeliveries) return;
  throw new Error(`was delivered ${deliveryCount} times and never answered; its handler may end the process`);
}

async function within(ms: number, work: Promise<void>): Promise<void> {
  const timeUp = Promise.withResolvers<never>();
  const timer = setTimeout(() => timeUp.reject(new Error(`the handler did not end within ${ms} ms`)), ms);
  try {
    await Promise.race([work, timeUp.promise]);
  } finally {
    clearTimeout(timer);
  }
}
