/** Which of the events that a service could heed somebody wants: that changes while it runs. */
export interface Wishes {
  /** The full names of the types that are wanted; undefined while that is not known. */
  readonly types: ReadonlySet<string> | undefined;
  /**
   * Says what is wanted from now on.
   *
   * @param types the full names of the types
   * @returns when the streams keep for the service what happens from now on
   * @throws SoukError DEPENDENCY_UNAVAILABLE while NATS is away: then it is to be said again
   */
  want(types: ReadonlySet<string>): Promise<void>;
  /**
   * Listens.
   *
   * @param listener called each time that something else is wanted
   */
  heed(listener: () => Promise<void>): void;
}

/** Makes wishes, of which nothing is known yet: until then, nothing is taken from the streams of what may be wanted. */
export function createWishes(): Wishes {
  const listeners: (() => Promise<void>)[] = [];
  let types: ReadonlySet<string> | undefined;
  return {
    get types() {
      return types;
    },
    async want(wanted) {
      types = wanted;
      await Promise.all(listeners.map((listener) => listener()));
    },
    heed(listener) {
      listeners.push(listener);
    },
  };
}
