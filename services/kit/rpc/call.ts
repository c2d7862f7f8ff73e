import type { DescMethod, Message } from "@bufbuild/protobuf";
import type { Policy } from "../read-policy.ts";
import type { Scope } from "../scope.ts";

/** A call as its handler sees it. */
export interface Call extends Scope {
  readonly method: DescMethod;
  readonly policy: Policy;
  /** What the caller sent along. */
  readonly headers: RequestHeaders;
  /** What is sent along with the answer, names in lower case. */
  readonly responseHeaders: Map<string, string>;
  /** The service that calls, when it proved who it is. */
  readonly caller: string | undefined;
}

/** A call while the interceptors fill it in. */
export type OpenCall = { -readonly [K in keyof Call]: Call[K] } & {
  /** Ends the work: the deadline passed, or the caller is gone. */
  abort(reason: unknown): void;
  /**
   * The same call once more, for work that others wait for as well: it has a signal of its own and ends neither
   * with this one nor with its caller.
   *
   * @param deadline when it ends, in ms since the epoch
   */
  fork(deadline: number): OpenCall;
};

/** The headers of a request, by name in lower case. */
export interface RequestHeaders {
  get(name: string): string | undefined;
}

/** A message as its bytes: it is decoded where somebody needs what is in it, and written as it is. */
export interface Encoded {
  readonly encoded: Uint8Array;
  /** The message, where it is at hand. */
  readonly message?: Message;
}

/** What is sent one way, decoded: a message, or a stream of them. */
export type Decoded = Message | AsyncIterable<Message>;

/** What is sent one way. */
export type Payload = Decoded | Encoded;

/** Answers a call. */
export type Handler<Request extends Payload = Payload> = (
  call: OpenCall,
  request: Request,
) => Promise<Payload>;

/** Wraps what is done with each call around the next handler. */
export type Interceptor<Request extends Payload = Payload> = (next: Handler<Request>) => Handler<Request>;

/** Whether a payload is a stream. */
export function isStream(payload: Payload): payload is AsyncIterable<Message> {
  return Symbol.asyncIterator in payload;
}

/** Whether a payload is a message that nobody has decoded. */
export function isEncoded(payload: Payload): payload is Encoded {
  return "encoded" in payload && !("$typeName" in payload);
}

/**
 * Watches the end of a call, whichever way it is answered.
 *
 * @param answer what the next handler gives
 * @param onEnd called once, with what was thrown when the call failed
 * @returns the answer, unchanged
 */
export async function observeEnd(
  answer: Promise<Payload>,
  onEnd: (thrown?: unknown) => void,
): Promise<Payload> {
  let reply: Payload;
  try {
    reply = await answer;
  } catch (thrown) {
    onEnd(thrown);
    throw thrown;
  }
  if (isStream(reply)) return observeStream(reply, onEnd);
  onEnd();
  return reply;
}

async function* observeStream(
  stream: AsyncIterable<Message>,
  onEnd: (thrown?: unknown) => void,
): AsyncIterable<Message> {
  let failure: unknown;
  try {
    yield* stream;
  } catch (thrown) {
    failure = thrown;
    throw thrown;
  } finally {
    onEnd(failure);
  }
}
