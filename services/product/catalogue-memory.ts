import type { Message } from "@bufbuild/protobuf";

/** An answer that was read from the catalogue. */
export interface Reading<Answer extends Message> {
  /** The version of the catalogue that was read. */
  readonly version: bigint;
  /** Left out when the catalogue still has the version that is known. */
  readonly answer?: Answer;
  /** How many products the answer holds. */
  readonly products: number;
}

/** Remembers answers for as long as the catalogue stays as it is. */
export interface CatalogueMemory {
  /**
   * Gives an answer as the catalogue is now. The database is asked each time, and where nothing has
   * changed its one statement reads no more than the version.
   *
   * @param key stands for all that the answer depends on beside the catalogue
   * @param read reads the answer, or only the version when that is the known one; 0 when nothing is known
   * @returns the answer, frozen: others are given the same one
   */
  recall<Answer extends Message>(
    key: string,
    read: (knownVersion: bigint) => Promise<Reading<Answer>>,
  ): Promise<Answer>;
}

/**
 * Makes a memory for one process.
 *
 * @param capacity how many products its answers may hold together; those used least recently make room
 */
export function catalogueMemory(capacity: number): CatalogueMemory {
  const known = new Map<string, Required<Reading<Message>>>();
  let held = 0;

  function forget(key: string): void {
    held -= weigh(known.get(key));
    known.delete(key);
  }

  function keep(key: string, reading: Required<Reading<Message>>): void {
    forget(key);
    known.set(key, reading);
    held += weigh(reading);
    for (const oldest of known.keys()) {
      if (held <= capacity) break;
      forget(oldest);
    }
  }

  return {
    async recall<Answer extends Message>(
      key: string,
      read: (knownVersion: bigint) => Promise<Reading<Answer>>,
    ): Promise<Answer> {
      const before = known.get(key);
      const { version, answer, products } = await read(before?.version ?? 0n);
      if (answer === undefined) {
        const same = before as Required<Reading<Answer>>;
        if (known.get(key) === before) keep(key, same);
        return same.answer;
      }
      freeze(answer);
      // Who read before others that are done may have read an older catalogue.
      if (version > (known.get(key)?.version ?? 0n)) keep(key, { version, answer, products });
      return answer;
    },
  };
}

/** An answer without products takes room, too. */
function weigh(reading: Reading<Message> | undefined): number {
  return reading === undefined ? 0 : reading.products + 1;
}

function freeze(value: unknown): void {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const part of Object.values(value)) freeze(part);
}
