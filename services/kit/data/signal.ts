/** Tells others in this process of what was committed. What they miss they find by looking from time to time. */
export interface Signal<T> {
  /** Called after the commit. */
  raise(what: T): void;
  /**
   * Listens.
   *
   * @param listener called each time
   * @returns ends it
   */
  heed(listener: (what: T) => void): () => void;
}

/** Makes a signal. */
export function createSignal<T>(): Signal<T> {
  const listeners = new Set<(what: T) => void>();
  return {
    raise(what) {
      for (const listener of listeners) listener(what);
    },
    heed(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
