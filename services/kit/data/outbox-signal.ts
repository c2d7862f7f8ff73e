/** Tells the relay of this process that events were stored. What it misses it finds by looking from time to time. */
export interface OutboxSignal {
  /** Called after a transaction with events was committed. */
  raise(): void;
  /**
   * Listens.
   *
   * @param listener called each time
   * @returns ends it
   */
  heed(listener: () => void): () => void;
}

/** Makes the signal of one database. */
export function outboxSignal(): OutboxSignal {
  const listeners = new Set<() => void>();
  return {
    raise() {
      for (const listener of listeners) listener();
    },
    heed(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
