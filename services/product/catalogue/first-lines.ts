import { hash } from "node:crypto";

/** Words of a slot: three of the text's fingerprint, one for the line. A line of 0 marks a free slot. */
const SLOT = 4;

/** Remembers on which line each text was first seen. */
export type FirstLines = {
  /**
   * Notes a text.
   *
   * @param text any text
   * @param line the line, from 1 to 2^32 - 1, on which it stands
   * @returns the line on which the text was first seen, undefined if this is the first time
   */
  note: (text: string, line: number) => number | undefined;
};

/**
 * Makes an empty memory of first lines. It keeps 96 bits of each text's SHA-256 instead of the text, so a
 * million texts take 32 MiB outside the JavaScript heap; two different texts that it takes for one are not to
 * be expected in the life of a shop.
 */
export function firstLines(): FirstLines {
  let slots = new Uint32Array(1024 * SLOT);
  let used = 0;

  return {
    note(text, line) {
      if (used * SLOT * 2 >= slots.length) slots = withTwiceTheRoom(slots);
      const digest = hash("sha256", text, "buffer");
      const fingerprint = [digest.readUInt32LE(0), digest.readUInt32LE(4), digest.readUInt32LE(8), line];
      const at = findSlot(slots, fingerprint);
      const seen = slots[at + 3];
      if (seen !== 0) return seen;
      slots.set(fingerprint, at);
      used += 1;
      return undefined;
    },
  };
}

/** Finds the slot of a fingerprint, or the free one it belongs in, by linear probing. */
function findSlot(slots: Uint32Array, fingerprint: ArrayLike<number>): number {
  const [first, second, third] = [fingerprint[0], fingerprint[1], fingerprint[2]];
  let at = ((first as number) * SLOT) % slots.length;
  while (
    slots[at + 3] !== 0 &&
    (slots[at] !== first || slots[at + 1] !== second || slots[at + 2] !== third)
  ) {
    at = (at + SLOT) % slots.length;
  }
  return at;
}

function withTwiceTheRoom(slots: Uint32Array): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(slots.length * 2);
  for (let at = 0; at < slots.length; at += SLOT) {
    const slot = slots.subarray(at, at + SLOT);
    if (slot[3] !== 0) larger.set(slot, findSlot(larger, slot));
  }
  return larger;
}
