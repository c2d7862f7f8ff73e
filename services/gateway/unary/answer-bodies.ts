import { type DescMethod, type Message, toBinary, toJsonString } from "@bufbuild/protobuf";
import type { Compression } from "@connectrpc/connect/protocol";
import { policyOf } from "#kit/contract.ts";
import type { Answer } from "#kit/mesh/transport.ts";
import { asBuffer } from "#kit/rpc/status.ts";

/** The body of an answer. */
export interface Body {
  readonly bytes: Uint8Array;
  /** The body, compressed. */
  compressed(compression: Compression): Promise<Uint8Array> | Uint8Array;
}

/** Makes the bodies of answers, and remembers those that are likely to be sent again. */
export interface AnswerBodies {
  /**
   * The body of an answer in JSON. Nothing is given that was not answered just now: what is remembered
   * counts only where the service's answer is the same.
   *
   * @param method the method
   * @param request the bytes of the request, which is likely to have the same answer the next time
   * @param answer what the service answered
   */
  json(method: DescMethod, request: Uint8Array, answer: Answer): Body;
  /** The body of an answer in protobuf's binary format. */
  binary(method: DescMethod, answer: Answer): Body;
}

/** Longer requests and answers are seldom the same ones again. */
const LONGEST_REQUEST = 2_000;
const LONGEST_ANSWER = 262_144;

interface Remembered {
  readonly answer: Uint8Array;
  readonly body: KeptBody;
  size: number;
}

/** A body that is sent again: it is compressed once. */
export interface KeptBody extends Body {
  /** How many bytes its compressed forms have. */
  readonly extraBytes: number;
}

/**
 * Makes a memory for one process.
 *
 * @param capacity how many bytes it holds at most; what was used least recently makes room
 */
export function answerBodies(capacity: number): AnswerBodies {
  const known = new Map<string, Remembered>();
  // What is frozen is the same for as long as it is there.
  const ofFrozen = new WeakMap<Message, Body>();
  let held = 0;

  function forget(key: string): void {
    held -= known.get(key)?.size ?? 0;
    known.delete(key);
  }

  function keep(key: string, remembered: Remembered): void {
    forget(key);
    const { answer, body } = remembered;
    remembered.size = key.length + answer.length + body.bytes.length + body.extraBytes;
    known.set(key, remembered);
    held += remembered.size;
    for (const oldest of known.keys()) {
      if (held <= capacity) return;
      forget(oldest);
    }
  }

  function recall(method: DescMethod, request: Uint8Array, answer: Answer, bytes: Uint8Array): Body {
    const key = `${method.toString()} ${asBuffer(request).toString("latin1")}`;
    const before = known.get(key);
    if (before !== undefined && Buffer.compare(before.answer, bytes) === 0) {
      keep(key, before);
      return before.body;
    }
    const body = keptBody(jsonOf(method, answer));
    // Of a chunk of the network, only the answer is to be held.
    keep(key, { answer: Uint8Array.prototype.slice.call(bytes), body, size: 0 });
    return body;
  }

  return {
    json(method, request, answer) {
      const { bytes } = answer;
      if (bytes === undefined) {
        const { message } = answer;
        if (!Object.isFrozen(message)) return plainBody(jsonOf(method, answer));
        let body = ofFrozen.get(message);
        if (body === undefined) {
          body = keptBody(jsonOf(method, answer));
          ofFrozen.set(message, body);
        }
        return body;
      }
      const again = isSharedBy(method) && request.length <= LONGEST_REQUEST && bytes.length <= LONGEST_ANSWER;
      return again ? recall(method, request, answer, bytes) : plainBody(jsonOf(method, answer));
    },
    binary: (method, answer) => plainBody(answer.bytes ?? toBinary(method.output, answer.message)),
  };
}

/** Whether many callers are likely to get the same answer. */
function isSharedBy(method: DescMethod): boolean {
  const { readOnly, access } = policyOf(method);
  return readOnly && access.public !== undefined;
}

function jsonOf({ output }: DescMethod, { message }: Answer): Buffer {
  return Buffer.from(toJsonString(output, message));
}

/**
 * A body that is sent once.
 *
 * @param bytes the body
 */
export function plainBody(bytes: Uint8Array): Body {
  return { bytes, compressed: (compression) => compression.compress(bytes) };
}

/**
 * A body that is sent again.
 *
 * @param bytes the body
 * @param onGrown told when it keeps another compressed form
 */
export function keptBody(bytes: Uint8Array, onGrown?: () => void): KeptBody {
  const forms = new Map<Compression, Uint8Array>();
  let extraBytes = 0;
  return {
    bytes,
    get extraBytes() {
      return extraBytes;
    },
    compressed(compression) {
      const known = forms.get(compression);
      if (known !== undefined) return known;
      return compression.compress(bytes).then((compressed) => {
        if (forms.has(compression)) return compressed;
        forms.set(compression, compressed);
        extraBytes += compressed.length;
        onGrown?.();
        return compressed;
      });
    },
  };
}
