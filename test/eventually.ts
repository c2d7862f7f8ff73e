import { setTimeout as delay } from "node:timers/promises";

/**
 * Waits for something to come true.
 *
 * @param attempt tried again while it throws
 * @param withinMs how long at most, in ms
 * @throws what the last attempt threw
 */
export async function eventually<T>(attempt: () => Promise<T> | T, withinMs = 15_000): Promise<T> {
  const latest = Date.now() + withinMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > latest) throw error;
      await delay(20);
    }
  }
}
