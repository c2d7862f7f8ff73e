import type { Run } from "./kysely.ts";

/** The channel on which a relay in another process hears of new events. */
export const OUTBOX_CHANNEL = "mesh_outbox";

/** Tells the relay that events were stored. What it misses it finds by looking from time to time. */
export interface OutboxSignal {
  /** Called after a transaction with events was committed. */
  raise(): void;
  /**
   * Has the relay of this process told without a detour.
   *
   * @param listener called each time
   * @returns ends it
   */
  heed(listener: () => void): () => void;
}

/** The least time between two notifications, in ms. */
const SPACING_MS = 20;

/**
 * Makes the signal of one database. It is not part of the transactions that it tells of: a commit that
 * notifies takes a lock that is one for the whole server, so that such commits go one by one.
 *
 * @param run sends a statement
 */
export function outboxSignal(run: Run): OutboxSignal {
  const listeners = new Set<() => void>();
  let resting = false;
  let raised = false;

  function notify(): void {
    raised = false;
    resting = true;
    run("select pg_notify($1, '')", [OUTBOX_CHANNEL]).catch(() => {});
    setTimeout(() => {
      resting = false;
      if (raised) notify();
    }, SPACING_MS).unref();
  }

  return {
    raise() {
      if (listeners.size > 0) for (const listener of listeners) listener();
      else if (resting) raised = true;
      else notify();
    },
    heed(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
