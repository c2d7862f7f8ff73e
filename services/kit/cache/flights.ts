/** Work that several wait for. */
export interface Flight<T> {
  /** When it began, on the clock of whoever began it. */
  readonly moment: number;
  /**
   * Waits for the end. Who is called away leaves the others waiting; with the last one the work ends.
   *
   * @param signal calls away; left out, this one waits to the end
   * @throws the reason of the signal, or what the work throws
   */
  ride(signal?: AbortSignal): Promise<T>;
}

/** Work as it is begun. */
export interface Departure<T> {
  readonly moment: number;
  readonly result: Promise<T>;
  /** Called when nobody waits for the result any more. */
  abandon(): void;
}

/** Work under way, each once however many want it. */
export interface Flights<T> {
  /** The work under way for a key, or else what `begin` begins. */
  board(key: string, begin: () => Departure<T>): Flight<T>;
}

/** Makes room for work that several wait for. */
export function createFlights<T>(): Flights<T> {
  const underWay = new Map<string, Flight<T>>();

  function start(key: string, { moment, result, abandon }: Departure<T>): Flight<T> {
    let aboard = 0;
    let landed = false;
    const flight: Flight<T> = {
      moment,
      async ride(signal) {
        aboard++;
        try {
          return await (signal === undefined ? result : raceAgainst(result, signal));
        } finally {
          aboard--;
          if (aboard === 0 && !landed) {
            land();
            abandon();
          }
        }
      },
    };
    const land = () => {
      landed = true;
      if (underWay.get(key) === flight) underWay.delete(key);
    };
    result.then(land, land);
    underWay.set(key, flight);
    return flight;
  }

  return { board: (key, begin) => underWay.get(key) ?? start(key, begin()) };
}

async function raceAgainst<T>(result: Promise<T>, signal: AbortSignal): Promise<T> {
  const called = Promise.withResolvers<never>();
  const leave = () => called.reject(signal.reason);
  signal.addEventListener("abort", leave, { once: true });
  if (signal.aborted) leave();
  try {
    return await Promise.race([result, called.promise]);
  } finally {
    signal.removeEventListener("abort", leave);
  }
}
