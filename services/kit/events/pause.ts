import { setTimeout as delay } from "node:timers/promises";

/**
 * Waits; an aborted signal ends it early, without an error.
 *
 * @param ms how long
 * @param signal ends it
 */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => {});
}
