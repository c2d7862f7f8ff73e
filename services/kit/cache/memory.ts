import type { Entry } from "./entry.ts";

/** The answers that a process remembers itself. */
export interface Memory {
  /** What is remembered under a key; it is then the last to make room. */
  get(key: string): Entry | undefined;
  /**
   * Remembers an answer, or takes note that it has grown.
   *
   * @param group by which it is counted
   */
  put(group: string, key: string, entry: Entry): void;
  drop(key: string): void;
  /** How much of the memory a group takes, in bytes. */
  bytes(group: string): number;
}

/** What an entry takes beside its texts and bytes. */
const OVERHEAD_BYTES = 600;
/** How many times its bytes a decoded message takes. */
const DECODED = 8;
/** An answer may take this part of the memory at most. */
const LARGEST_PART = 1 / 8;

interface Place {
  readonly group: string;
  readonly entry: Entry;
  readonly bytes: number;
}

/**
 * Makes the memory of a process. Those used least recently make room.
 *
 * @param capacity in bytes
 */
export function createMemory(capacity: number): Memory {
  const places = new Map<string, Place>();
  const groups = new Map<string, number>();
  let held = 0;

  function count(group: string, bytes: number): void {
    held += bytes;
    groups.set(group, (groups.get(group) ?? 0) + bytes);
  }

  function drop(key: string): void {
    const place = places.get(key);
    if (place === undefined) return;
    places.delete(key);
    count(place.group, -place.bytes);
  }

  return {
    get(key) {
      const place = places.get(key);
      if (place === undefined) return undefined;
      places.delete(key);
      places.set(key, place);
      return place.entry;
    },
    put(group, key, entry) {
      drop(key);
      const bytes = weigh(key, entry);
      if (bytes > capacity * LARGEST_PART) return;
      places.set(key, { group, entry, bytes });
      count(group, bytes);
      for (const oldest of places.keys()) {
        if (held <= capacity) break;
        drop(oldest);
      }
    },
    drop,
    bytes: (group) => groups.get(group) ?? 0,
  };
}

function weigh(key: string, { encoded, tags, message, beside }: Entry): number {
  const tagBytes = tags.reduce((sum, tag) => sum + tag.length, 0);
  const decodedBytes = message === undefined ? 0 : encoded.byteLength * DECODED;
  return (
    OVERHEAD_BYTES + key.length + tagBytes + encoded.byteLength + decodedBytes + (beside?.extraBytes ?? 0)
  );
}
