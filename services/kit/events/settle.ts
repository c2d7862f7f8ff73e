import type { JsMsg } from "@nats-io/jetstream";
import { isMeshRefusal, MeshReason, SoukError } from "../error.ts";
import type { ConsumerOptions } from "./consumer.ts";
import { ID_HEADER } from "./envelope.ts";
import { HANDLE_MS, type ReadEvent } from "./handle.ts";

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
 */
export function settler(
  options: ConsumerOptions,
  signal: AbortSignal,
): (messages: readonly JsMsg[]) => Promise<void> {
  const { handle, deadLetters, retryDelaysMs, log } = options;
  const mostAttempts = retryDelaysMs.length + 1;

  return async function settle(messages) {
    if (signal.aborted) {
      for (const message of messages) message.nak();
      return;
    }
    const readable: ReadMessage[] = [];
    for (const message of messages) {
      try {
        refuseDeadly(message, mostAttempts + SPARE_DELIVERIES);
        readable.push({ message, read: handle.read(message) });
      } catch (error) {
        await bury(message, error);
      }
    }
    await letTakeEffect(readable);
  };

  async function letTakeEffect(messages: readonly ReadMessage[]): Promise<void> {
    try {
      await within(HANG_MS, handle.handle(messages.map(({ read }) => read)));
      for (const { message } of messages) message.ack();
    } catch (error) {
      const storeAway = isMeshRefusal(error, MeshReason.DEPENDENCY_UNAVAILABLE);
      if (storeAway && (await handle.waitForDatabase(signal))) {
        // That the database was away is no fault of the events and costs them no attempt.
        if (signal.aborted) for (const { message } of messages) message.nak();
        else await letTakeEffect(messages);
        return;
      }
      const [first] = messages;
      if (messages.length > 1) for (const each of messages) await letTakeEffect([each]);
      else if (first !== undefined) await postpone(first.message, error);
    }
  }

  async function postpone(message: JsMsg, error: unknown): Promise<void> {
    const attempts = message.info.deliveryCount;
    const pauseMs = retryDelaysMs[attempts - 1];
    if (pauseMs === undefined) return bury(message, error);
    const event = message.headers?.get(ID_HEADER);
    log.warn({ err: error, event, subject: message.subject, attempts, pauseMs }, "event will be tried again");
    message.nak(pauseMs);
  }

  async function bury(message: JsMsg, error: unknown): Promise<void> {
    const { subject } = message;
    const attempts = message.info.deliveryCount;
    const text = describe(error);
    try {
      await deadLetters.bury(message, subject, text, attempts);
      message.term(text.slice(0, 100));
      log.error({ err: error, subject, attempts }, "event was given up; it is among the dead letters");
    } catch (cause) {
      log.warn({ err: cause, subject }, "event cannot be put among the dead letters yet");
      message.nak(AWAY_MS);
    }
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

function describe(error: unknown): string {
  const why = error instanceof SoukError && error.cause instanceof Error ? error.cause : error;
  return why instanceof Error ? `${why.name}: ${why.message}` : String(why);
}
