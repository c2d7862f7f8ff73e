import { isUtf8 } from "node:buffer";

/**
 * Bytes that are known to be UTF-8 and end with a whole character, and where the text stopped being UTF-8, if
 * it did.
 */
export type GuardedBytes = { bytes: Buffer; brokenLine?: number };

/** Lets UTF-8 through in whole characters and stops exactly before the first byte sequence that is none. */
export type Utf8Guard = {
  /** Takes the next bytes of the file; they must not change afterwards. */
  next: (chunk: Uint8Array) => GuardedBytes;
  /** Says that the file has ended. */
  end: () => GuardedBytes;
};

/** Makes a guard for one file. What it lets through does not depend on where the file was cut into chunks. */
export function utf8Guard(): Utf8Guard {
  let held: Buffer = Buffer.alloc(0);
  let line = 1;

  function release(bytes: Buffer, isBroken: boolean): GuardedBytes {
    line += countLineEnds(bytes);
    return isBroken ? { bytes, brokenLine: line } : { bytes };
  }

  return {
    next(chunk) {
      const fresh = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      const bytes = held.length === 0 ? fresh : Buffer.concat([held, fresh]);
      const whole = wholeCharacters(bytes);
      if (!isUtf8(whole)) return release(longestUtf8Start(bytes), true);
      held = bytes.subarray(whole.length);
      return release(whole, false);
    },
    end: () => release(Buffer.alloc(0), held.length > 0),
  };
}

/** Cuts off an unfinished multi-byte sequence at the end (RFC 3629, section 3). */
function wholeCharacters(bytes: Buffer): Buffer {
  for (let back = 1; back <= 3 && back <= bytes.length; back += 1) {
    const byte = bytes[bytes.length - back] as number;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? bytes.subarray(0, bytes.length - back) : bytes;
  }
  return bytes;
}

/** Finds, by halving, everything before the first sequence that is not UTF-8. */
function longestUtf8Start(bytes: Buffer): Buffer {
  let valid = 0;
  let invalid = bytes.length;
  while (invalid - valid > 1) {
    const middle = (valid + invalid) >> 1;
    if (isUtf8(wholeCharacters(bytes.subarray(0, middle)))) valid = middle;
    else invalid = middle;
  }
  return wholeCharacters(bytes.subarray(0, valid));
}

function countLineEnds(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) count += 1;
  return count;
}
