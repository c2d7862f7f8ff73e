import { setTimeout as delay } from "node:timers/promises";
import { type Outbound, sendDueMails } from "./send-due-mails.ts";

/** Sends mails as they become due. */
export interface MailSender {
  /** Has it look for mails soon: a transaction is about to store one. */
  mailComes(): void;
  /** Finishes the mails in hand and stops. */
  stop(): Promise<void>;
}

/** How often the queue is looked at when nobody says that a mail comes, in ms: another replica may store it. */
const POLL_MS = 500;
/** How long a transaction takes to end after its handler is done, in ms; the next look is the net. */
const COMMIT_MS = 20;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

/**
 * Starts to send mails. Replicas share the work. While the mail server is away it is tried at
 * growing intervals, and nothing else waits for it.
 *
 * @param outbound what mails are sent with
 */
export function startMailSender(outbound: Outbound): MailSender {
  const stopping = new AbortController();
  const bell = createBell();
  const done = keepSending(outbound, bell, stopping.signal);
  return {
    mailComes() {
      setTimeout(bell.ring, COMMIT_MS).unref();
    },
    async stop() {
      stopping.abort();
      bell.ring();
      await done;
      outbound.smtp.close();
    },
  };
}

async function keepSending(outbound: Outbound, bell: Bell, signal: AbortSignal): Promise<void> {
  const { log } = outbound;
  let failing = false;
  let pauseMs = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    try {
      const more = await sendDueMails(outbound);
      if (failing) log.info("mails go out again");
      failing = false;
      pauseMs = FIRST_PAUSE_MS;
      if (!more) await bell.wait(POLL_MS);
    } catch (error) {
      if (!failing) log.warn({ err: error }, "mails wait");
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
