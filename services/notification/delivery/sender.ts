import { setTimeout as delay } from "node:timers/promises";
import { type Outbound, sendDue } from "./send-due.ts";

/** Sends the deliveries of a channel as they become due. */
export interface Sender {
  /** Finishes the deliveries in hand and stops. */
  stop(): Promise<void>;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

/**
 * Starts to send the deliveries of a channel, at once where the bell of the database tells its name. Replicas share
 * the work. While the channel's server is away it is tried at growing intervals, and nothing else waits for it.
 *
 * @param outbound what they are sent with
 */
export function startSender(outbound: Outbound): Sender {
  const stopping = new AbortController();
  const { db, channel } = outbound;
  const bells = Array.from({ length: channel.batches }, createBell);
  const ring = () => {
    for (const bell of bells) bell.ring();
  };
  const unheed = db.bell.heed((what) => {
    if (what === channel.name) ring();
  });
  const done = bells.map((bell) => keepSending(outbound, bell, stopping.signal));
  return {
    async stop() {
      unheed();
      stopping.abort();
      ring();
      await Promise.all(done);
      channel.close();
    },
  };
}

async function keepSending(outbound: Outbound, bell: Bell, signal: AbortSignal): Promise<void> {
  const { log, channel } = outbound;
  const about = { channel: channel.name };
  let failing = false;
  let pauseMs = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    try {
      const more = await sendDue(outbound);
      if (failing) log.info(about, "deliveries go out again");
      failing = false;
      pauseMs = FIRST_PAUSE_MS;
      if (!more) await bell.wait(channel.pollMs);
    } catch (error) {
      if (!failing) log.warn({ ...about, err: error }, "deliveries wait");
      failing = true;
      await delay(pauseMs, undefined, { signal }).catch(() => {});
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }
}

interface Bell {
  ring(): void;
  /** Waits until it rings, or has rung since the last wait, `ms` at most. */
  wait(ms: number): Promise<void>;
}

function createBell(): Bell {
  let rung = false;
  let answer: (() => void) | undefined;
  return {
    ring() {
      rung = true;
      answer?.();
    },
    async wait(ms) {
      if (!rung) {
        const { promise, resolve } = Promise.withResolvers<void>();
        answer = resolve;
        const timer = setTimeout(resolve, ms);
        await promise;
        clearTimeout(timer);
      }
      rung = false;
    },
  };
}
