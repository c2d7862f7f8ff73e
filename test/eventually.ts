import { setTimeout as delay } from "node:timers/promises";

/** Longer than a busy machine takes for anything that a test waits for, in ms: it costs nothing where all goes well. */
const LONGEST_MS = 60_000;

/**
 * Waits until something comes true, for a minute at most.
 *
 * @param attempt tried again while it throws
 * @throws what the last attempt threw
 */
export async function eventually<T>(attempt: () => Promise<T> | T): Promise<T> {
  const latest = Date.now() + LONGEST_MS;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > latest) throw error;
      await delay(20);
    }
  }
}
